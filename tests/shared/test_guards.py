"""Who is calling, and who may come in."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.shared.errors import Unauthorized
from hyperstrate.shared.guards import (
    Caller,
    caller,
    caller_if_any,
    can_write,
    credential_of,
    inference_in_proxy,
    public,
    require_admin,
    require_admin_only,
    require_inference,
    require_platform_admin,
    require_session,
)
from hyperstrate.shared.web import init

ADMIN = Caller("org_1", "session", user_id="usr_1", role="admin")
MEMBER = Caller("org_1", "session", user_id="usr_2", role="member")
KEY = Caller("org_1", "api_key", key_id="key_1")
VIEWER = Caller("org_1", "session", user_id="usr_3", role="viewer")
PLATFORM = Caller("org_1", "session", user_id="usr_4", role="member", is_platform_admin=True)
KNOWN = {"admin": ADMIN, "member": MEMBER, "key": KEY, "viewer": VIEWER, "platform": PLATFORM}


class Identity:
    """Knows five credentials; ``browser`` is who is signed in by cookie."""

    browser: Caller | None = None

    def from_credential(self, credential: str) -> Caller:
        if credential not in KNOWN:
            raise Unauthorized("invalid API key")
        return KNOWN[credential]

    def from_browser(self) -> Caller | None:
        return self.browser


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
def client(identity: Identity) -> FlaskClient:
    """An application of guarded views, and the sign-in page that they lead to."""
    app = Flask(__name__)
    app.extensions["identity"] = identity
    init(app)
    guards = {
        "session": require_session, "admin": require_admin, "inference": require_inference,
        "admin_only": require_admin_only, "platform_admin": require_platform_admin,
    }  # fmt: skip
    for name, guard in guards.items():
        for prefix in ("", "/app"):
            view = guard(lambda thing_id="": {"who": caller().user_id or caller().key_id})
            app.add_url_rule(
                f"{prefix}/{name}/<thing_id>", f"{prefix}{name}", view, methods=["GET", "POST"]
            )
    app.add_url_rule("/app/login", "auth_pages.sign_in", lambda: "sign in")
    return app.test_client()


def status(client: FlaskClient, path: str, credential: str = "") -> int:
    headers = {"x-api-key": credential} if credential else {}
    return client.get(path, headers=headers).status_code


@pytest.mark.parametrize(
    ("guard", "admin", "member", "viewer", "platform", "key"),
    [
        ("session", 200, 200, 200, 200, 401),
        ("admin", 200, 403, 200, 403, 401),
        ("admin_only", 200, 403, 403, 403, 401),
        ("platform_admin", 403, 403, 403, 200, 401),
        ("inference", 200, 200, 403, 200, 200),
    ],
)
def test_a_guard_lets_in_whom_it_should(
    client: FlaskClient, guard: str, admin: int, member: int, viewer: int, platform: int, key: int
) -> None:
    path = f"/{guard}/x"

    assert status(client, path, "admin") == admin
    assert status(client, path, "member") == member
    assert status(client, path, "viewer") == viewer
    assert status(client, path, "platform") == platform
    assert status(client, path, "key") == key
    assert status(client, path, "wrong") == 401
    assert status(client, path) == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_viewer_changes_nothing(method: str) -> None:
    app = Flask(__name__)
    identity = Identity()
    app.extensions["identity"] = identity
    init(app)
    app.add_url_rule("/thing", "thing", require_admin(lambda: "done"), methods=[method, "GET"])

    def ask(verb: str, who: str) -> int:
        return app.test_client().open("/thing", method=verb, headers={"x-api-key": who}).status_code

    assert ask(method, "viewer") == 403
    assert [ask(verb, "viewer") for verb in ("GET", "HEAD")] == [200, 200]
    assert ask(method, "admin") == 200


def test_a_public_view_knows_who_calls_if_anybody_says() -> None:
    app = Flask(__name__)
    app.extensions["identity"] = Identity()
    init(app)

    with app.test_request_context("/"):
        assert caller_if_any() is None
        assert can_write()
    with app.test_request_context("/", headers={"x-api-key": "viewer"}):
        assert caller_if_any() == VIEWER
        assert not can_write()
    with app.test_request_context("/", headers={"x-api-key": "admin"}):
        assert caller_if_any() == ADMIN
        assert can_write()
    with (
        app.test_request_context("/", headers={"x-api-key": "wrong"}),
        pytest.raises(Unauthorized),
    ):
        caller_if_any()


def test_a_view_knows_who_calls(client: FlaskClient, identity: Identity) -> None:
    identity.browser = MEMBER

    by_cookie = client.get("/session/x").get_json()
    by_key = client.get("/session/x", headers={"x-api-key": "admin"}).get_json()

    assert (by_cookie, by_key) == ({"who": "usr_2"}, {"who": "usr_1"})


def test_a_wrong_key_is_not_made_good_by_a_cookie(client: FlaskClient, identity: Identity) -> None:
    identity.browser = ADMIN

    assert status(client, "/session/x", "wrong") == 401


@pytest.mark.parametrize("guard", ["session", "admin", "inference"])
def test_a_page_leads_to_the_sign_in_and_back(client: FlaskClient, guard: str) -> None:
    shown = client.get(f"/app/{guard}/x?page=2")
    posted = client.post(f"/app/{guard}/x")

    assert shown.status_code == posted.status_code == 302
    assert shown.location == f"/app/login?next=/app/{guard}/x?page%3D2"
    assert posted.location == "/app/login"


@pytest.mark.parametrize("wrong", ["a" * 101, "a%00b", "a%0Ab", "a%E2%80%A8b"])
def test_an_id_that_no_database_should_see_is_refused(client: FlaskClient, wrong: str) -> None:
    assert status(client, f"/session/{wrong}", "admin") == 400
    assert status(client, f"/session/{'a' * 100}", "admin") == 200
    assert status(client, f"/session/{wrong}") == 401


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        ({}, ""),
        ({"x-api-key": " k "}, "k"),
        ({"authorization": "Bearer k"}, "k"),
        ({"authorization": "bearer  k "}, "k"),
        ({"authorization": "Basic k"}, ""),
        ({"authorization": "k"}, ""),
        ({"authorization": "Bearer"}, ""),
        ({"authorization": ""}, ""),
        ({"x-api-key": "first", "authorization": "Bearer second"}, "first"),
        ({"x-api-key": "", "authorization": "Bearer second"}, "second"),
    ],
)
def test_a_credential_comes_in_one_of_two_headers(headers: dict[str, str], credential: str) -> None:
    assert credential_of(headers) == credential


def test_views_carry_the_name_of_their_guard() -> None:
    def view() -> None:
        """A view."""

    names = [require_session(view), require_admin(view), require_inference(view)]
    assert [getattr(found, "guard", "") for found in names] == ["session", "admin", "inference"]
    assert getattr(inference_in_proxy(view), "guard", "") == "inference"
    assert getattr(public(view), "guard", "") == "public"


def test_an_admin_is_known_by_the_role() -> None:
    assert [found.is_admin for found in (ADMIN, MEMBER, KEY)] == [True, False, False]
