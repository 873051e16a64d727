import pytest, time, json
from hyperstrate.auth import keys, sessions
from hyperstrate.shared.db import unit_of_work
def test_perf(app, people, routers, client_as):
    with unit_of_work():
        k = keys.issue(people.alice.org_id, "x", scope="global").plaintext
    ident = app.extensions["identity"]
    for cred in (k, people.alice.token):
        ident.from_credential(cred)
        best = 1e9
        for _ in range(20):
            a=time.perf_counter()
            for _ in range(1000): ident.from_credential(cred)
            best=min(best,time.perf_counter()-a)
        print("us", best*1000)
    for body in (b"["*200000, b'{"a":'*100000, b'{"name":'+b'"x"'*1+b',"routerId":{"a":1}}', b'{"name": NaN}', b'{"name":"x","scope":"global","expiresAt":1e999}'):
        r = client_as("admin").post("/auth/api-keys", data=body, content_type="application/json")
        print(r.status_code, r.text[:200])
    r = client_as(None).post("/auth/login", data=b"x"*17*2**20, content_type="application/json"); print(r.status_code, r.text[:100])
    r = client_as(None).post("/auth/login", data="email=a", content_type="application/x-www-form-urlencoded"); print(r.status_code, r.text[:100])
    r = client_as(None).get("/auth/login"); print(r.status_code, r.text[:100])
    for q in ("?page=x","?perPage=0","?query=%00&page=1", "?ids=%00","?ids="+"a"*300):
        r = client_as("admin").get("/auth/teams"+q); print(q[:20], r.status_code, r.text[:150])
    r = client_as("admin").get("/auth/api-keys?routerId=%00"); print(r.status_code, r.text[:150])
    doc = client_as(None).get("/swagger/doc.json"); print(doc.status_code, len(doc.data))
    print(json.dumps(doc.json["paths"]["/auth/api-keys"]["post"])[:600])
    print(list(doc.json["components"]["schemas"]))
    from tests.people import Browser
    b = Browser(app).sign_in(people.alice)
    for q in ("?routerId=%00","?page=x","?page="+"9"*40,"?teamId=%00"):
        r = b.get("/app/keys"+q); print(q[:20], r.status_code)
