"""Nothing is written without an audit entry, and no entry has a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, select, update
from werkzeug.test import Client

from hyperstrate.app import believing
from hyperstrate.auth.models import Team
from hyperstrate.observability import audit_chain
from hyperstrate.observability.models import AuditLog
from hyperstrate.shared import audit
from hyperstrate.shared.db import Base, session, unit_of_work
from tests.observability.chains import details, rows
from tests.people import Browser, Part, People

ClientAs = Callable[[Part | None], FlaskClient]
BrowserAs = Callable[[Part | None], Browser]
#: Tables that the machine keeps by itself, or that are records of what happened themselves.
NOT_AUDITED = {
    "audit_chains",
    "audit_logs",
    "auth_budget_usage",
    "auth_ledger",
    "auth_ledger_sequence",
    "auth_sessions",
    "cache_versions",
    "inference_logs",
    "inference_payloads",
    "queued_jobs",
    "usage_hours",
    "webhook_deliveries",
}


@pytest.fixture
def acme(people: People) -> str:
    """Acme's organization, whose chain begins after its people were settled."""
    return people.alice.org_id


def written(org_id: str, resource: str = "", action: str = "") -> list[AuditLog]:
    """The entries of a chain about one kind of object, oldest first."""
    return [
        row
        for row in rows(org_id)
        if (not resource or row.resource == resource) and (not action or row.action == action)
    ]


def test_every_table_is_audited_or_is_known_not_to_be() -> None:
    silent = {
        mapper.class_.__tablename__
        for mapper in Base.registry.mappers
        if not mapper.class_.__audit__
    }

    assert silent == NOT_AUDITED


def test_every_column_with_a_secret_is_marked() -> None:
    words = ("hash", "secret", "password", "api_key_pool", "extra_headers")
    unmarked = [
        f"{mapper.class_.__tablename__}.{column.name}"
        for mapper in Base.registry.mappers
        if mapper.class_.__audit__
        for column in mapper.columns
        if (column.name == "api_key" or any(word in column.name for word in words))
        and not column.info.get("secret")
    ]

    assert unmarked == []


def test_a_write_says_who_did_what_and_from_where(
    client_as: ClientAs, people: People, acme: str
) -> None:
    admin = client_as("admin")
    headers = {"User-Agent": "curl/8", "X-Request-Id": "req-7", "X-Forwarded-For": "203.0.113.9"}

    made = admin.post("/auth/teams", json={"name": "Blue"}, headers=headers).get_json()

    (row,) = [row for row in written(acme, "team", "create") if row.resource_id == made["id"]]
    assert (row.actor_kind, row.user_id) == ("person", people.alice.id)
    assert (row.user_email, row.outcome) == ("alice@example.com", "success")
    assert (row.ip_address, row.user_agent, row.request_id) == ("127.0.0.1", "curl/8", "req-7")
    assert details(row)["after"]["name"] == "Blue"
    assert "created_at" not in details(row)["after"]


def test_only_trusted_proxies_are_believed(app: Flask, people: People) -> None:
    behind = Client(believing(app.wsgi_app, proxies=1))
    chain = "203.0.113.9, 198.51.100.4"
    headers = {"Authorization": f"Bearer {people.alice.token}", "X-Forwarded-For": chain}

    assert behind.post("/auth/teams", json={"name": "Blue"}, headers=headers).status_code == 201

    assert written(people.alice.org_id, "team")[-1].ip_address == "198.51.100.4"


def test_an_update_says_before_and_after_of_what_changed(client_as: ClientAs, acme: str) -> None:
    admin = client_as("admin")
    team = admin.post("/auth/teams", json={"name": "Blue"}).get_json()

    admin.patch(f"/auth/teams/{team['id']}", json={"name": "Green"})

    row = written(acme, "team")[-1]
    assert row.action == "update"
    assert (details(row)["before"], details(row)["after"]) == ({"name": "Blue"}, {"name": "Green"})


def test_what_changes_nothing_is_no_entry(acme: str) -> None:
    with unit_of_work():
        team = session.scalars(select(Team).where(Team.org_id == acme)).first()
        assert team is not None
        team.name, name = "Another", team.name
        session.flush()
        team.name = name
    count = len(rows(acme))

    with unit_of_work():
        team.description = team.description

    assert written(acme, "team", "update") == []
    assert len(rows(acme)) == count


def test_several_flushes_are_one_entry(acme: str) -> None:
    with unit_of_work():
        team = Team(org_id=acme, name="One")
        session.add(team)
        session.flush()
        team.name = "Two"
        session.flush()
        team.name = "Three"

    (row,) = [row for row in written(acme, "team") if row.resource_id == team.id]
    assert (row.action, details(row)["after"]["name"]) == ("create", "Three")


def test_what_is_rolled_back_did_not_happen(acme: str) -> None:
    count = len(rows(acme))

    def fail() -> None:
        with unit_of_work():
            session.add(Team(org_id=acme, name="Blue"))
            session.flush()
            audit.log("invent", org_id=acme, object_type="team")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with unit_of_work():
        pass
    assert len(rows(acme)) == count


def test_what_a_savepoint_takes_back_did_not_happen(acme: str) -> None:
    with unit_of_work():
        session.add(kept := Team(org_id=acme, name="Kept"))
        session.flush()
        inner = session.begin_nested()
        session.add(Team(org_id=acme, name="Gone"))
        session.flush()
        inner.rollback()

    made = [details(row)["after"]["name"] for row in written(acme, "team", "create")]
    assert made[-1] == kept.name
    assert "Gone" not in made


def test_what_was_said_of_an_object_takes_the_place_of_its_update(acme: str) -> None:
    with unit_of_work():
        team = session.scalars(select(Team).where(Team.org_id == acme)).first()
        assert team is not None
        team.name = "Renamed"
        audit.log("rename", org_id=acme, object_type="team", object_id=team.id, detail={"by": "x"})

    row = written(acme, "team")[-1]
    assert row.action == "rename"
    assert details(row)["after"] == {"name": "Renamed"}
    assert details(row)["by"] == "x"
    assert written(acme, "team", "update") == []


def test_statements_do_not_slip_by(acme: str) -> None:
    values = {"id": "team_1", "org_id": acme, "name": "Blue", "description": "", "is_enabled": True}
    values |= {"max_requests": 0, "max_cost_usd": 0}

    with unit_of_work():
        session.execute(insert(Team), [values])
    with unit_of_work():
        session.execute(update(Team).where(Team.id == "team_1").values(name="Green"))
    with unit_of_work():
        session.execute(update(Team), [{"id": "team_1", "name": "Red"}])
    with unit_of_work():
        session.execute(delete(Team).where(Team.id == "team_1"))

    found = [row for row in written(acme) if row.resource_id == "team_1"]
    assert [row.action for row in found] == ["create", "update", "update", "delete"]
    assert details(found[1])["before"] == {"name": "Blue"}
    assert details(found[2])["after"] == {"name": "Red"}
    assert details(found[3])["before"]["name"] == "Red"


def test_a_statement_that_does_not_name_its_rows_is_refused(acme: str) -> None:
    with pytest.raises(TypeError, match="audited"), unit_of_work():
        session.execute(insert(Team), [{"org_id": acme, "name": "Blue"}])


def test_what_goes_along_is_noted_with_what_was_deleted(
    client_as: ClientAs, people: People, acme: str
) -> None:
    with unit_of_work():
        session.delete(session.get_one(Team, people.alice.team_id))

    row = written(acme, "team", "delete")[-1]
    assert details(row)["before"]["name"]
    assert f"{people.alice.id}:{people.alice.team_id}" in details(row)["cascade"]["team_member"]


def test_a_refused_write_is_kept_though_nothing_was_written(
    client_as: ClientAs, people: People, acme: str
) -> None:
    client_as("member").post("/auth/teams", json={"name": "Blue"})
    client_as("stranger").delete(f"/auth/teams/{people.alice.team_id}")

    row = written(acme, action="request")[-1]
    assert (row.outcome, row.user_email) == ("refused", "bob@example.com")
    assert details(row)["route"] == "POST /auth/teams"
    assert (details(row)["status"], bool(details(row)["reason"])) == (403, True)
    (other,) = written(people.carol.org_id, action="request")
    assert (details(other)["status"], other.resource_id) == (404, people.alice.team_id)


def test_bad_input_is_a_refused_write(client_as: ClientAs, acme: str) -> None:
    client_as("admin").post("/auth/teams", json={"name": ""})

    assert details(written(acme, action="request")[-1])["status"] in (400, 422)


def test_reading_is_no_entry(client_as: ClientAs, acme: str) -> None:
    count = len(rows(acme))

    assert client_as("admin").get("/auth/teams").status_code == 200

    assert len(rows(acme)) == count


def test_a_hostile_flood_of_sign_ins_stays_small(app: Flask, acme: str) -> None:
    client = Client(app)
    before = len(rows(acme)) + len(rows(""))

    for _ in range(25):
        client.post("/auth/login", json={"email": "alice@example.com", "password": "wrong" * 4})

    assert len(rows(acme)) + len(rows("")) - before <= 4
    refused = written(acme, "user", "sign_in")[0]
    assert (refused.actor_kind, refused.user_email) == ("anonymous", "alice@example.com")
    assert "wrong" not in refused.user_agent + refused.resource_id


def test_the_chain_is_whole_after_all_of_it(client_as: ClientAs, acme: str) -> None:
    admin = client_as("admin")
    for number in range(5):
        admin.post("/auth/teams", json={"name": f"Team {number}"})
        admin.post("/auth/teams", json={})

    assert audit_chain.verify(acme).is_whole
    assert audit_chain.verify(acme).rows >= 6


def test_an_audit_that_cannot_be_written_fails_the_write(
    acme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr(audit_chain, "append", refuse)

    with pytest.raises(OSError, match="no room"), unit_of_work():
        session.add(Team(id="team_9", org_id=acme, name="Blue"))

    assert session.get(Team, "team_9") is None


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("reason", "sent Bearer abcdefgh12345678", "sent Bearer ***"),
        ("url", "https://user:pass@example.com/a?token=abc", "https://example.com/a?***"),
        ("client_secret", "topsecret", "***"),
        ("api_key_id", "akey_1", "akey_1"),
        ("config", {"headers": {"Authorization": "xyz"}}, {"headers": {"Authorization": "***"}}),
        ("max_tokens", 5, 5),
    ],
)
def test_details_hide_secrets_lesson_d(name: str, value: Any, shown: Any) -> None:
    assert audit.clean(name, value) == shown
