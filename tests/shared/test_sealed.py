"""Secrets at rest get the newest key, whatever table they stand in; then the old key can go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hyperstrate.ai.loaded import loaded
from hyperstrate.ai.models import ModelConfiguration
from hyperstrate.auth.sso import providers
from hyperstrate.observability.models import AuditLog
from hyperstrate.router import webhooks
from hyperstrate.shared import cache, crypto, sealed
from hyperstrate.shared.db import Base, session, unit_of_work
from tests.people import Part, People
from tests.router import building

ClientAs = Callable[[Part | None], FlaskClient]
OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))
SECRETS = {
    "apiKey": "one",
    "apiSecret": "two",
    "apiKeyPool": ["three", "four"],
    "extraHeaders": {"X-Extra": "five"},
}
PROVIDER = {"kind": "github", "name": "GitHub", "client_id": "x", "client_secret": "six"}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "_keys", ())
    crypto.configure([OLD])


@pytest.fixture
def ids(app: Flask, people: People, client_as: ClientAs) -> Iterator[dict[str, str]]:
    """A model with every kind of secret, an identity provider, and a router with a webhook."""
    admin = client_as("admin")
    model_id = building.model(admin, alias="sealed")
    body = {"baseUrl": "dummy://local", **SECRETS}
    assert admin.put(f"/ai/models/{model_id}/configuration", json=body).status_code == 200
    with unit_of_work():
        provider = providers.add(people.alice.org_id, PROVIDER)
    hook = {"webhookUrl": "https://example.com/hook"}
    router_id = str(building.router(admin, "hooked", **hook)["id"])
    yield {"model": model_id, "provider": provider.id, "router": router_id}
    cache.forget("models")


def read(people: People, ids: dict[str, str]) -> list[str]:
    """All of the secrets, by the services that use them."""
    session.expire_all()
    cache.forget("models")
    first, *_ = found = loaded(people.alice.org_id, ids["model"]).registrations
    return [
        *(each.api_key for each in found),
        first.api_secret,
        *first.extra_headers.values(),
        providers.usable(ids["provider"]).client_secret,
        webhooks.webhook(people.alice.org_id, ids["router"]).secret,
    ]


def test_without_the_old_key_everything_is_read_after_the_rotation(
    people: People, ids: dict[str, str]
) -> None:
    before = read(people, ids)
    crypto.configure([NEW, OLD])
    counted = sealed.census()

    done = list(sealed.reseal(size=1))

    assert (counted.newest, counted.older, counted.unreadable) == (0, 7, 0)
    assert sum(each.secrets for each in done) == 7
    crypto.configure([NEW])
    assert sealed.census() == sealed.Census((7,), 0)
    assert read(people, ids) == before
    assert set(before) > {"one", "two", "three", "four", "five", "six"}


def test_a_second_rotation_has_nothing_to_do(ids: dict[str, str]) -> None:
    crypto.configure([NEW, OLD])
    list(sealed.reseal())

    assert list(sealed.reseal()) == []


def test_each_transaction_stands_in_the_audit_without_secrets(ids: dict[str, str]) -> None:
    crypto.configure([NEW, OLD])

    list(sealed.reseal())

    kept = session.scalars(select(AuditLog).where(AuditLog.action == "rotate")).all()
    assert {row.resource_id for row in kept} == {
        "auth_sso_providers",
        "model_configurations",
        "router_configurations",
    }
    assert all(row.org_id == "" and "gAAAA" not in row.details for row in kept)


def test_what_no_key_opens_is_named_and_stops_nothing(people: People, ids: dict[str, str]) -> None:
    with unit_of_work():
        row = session.scalars(select(ModelConfiguration)).one()
        row.api_key = Fernet(FOREIGN).encrypt(b"lost").decode()
    crypto.configure([NEW, OLD])

    done = list(sealed.reseal())

    assert [each.unreadable for each in done if each.unreadable] == [(row.id,)]
    assert sealed.census() == sealed.Census((6, 0), 1)


def test_a_secret_that_changed_meanwhile_stays_as_it_was_written(
    ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    crypto.configure([NEW, OLD])
    rows = sealed._rows

    def overtaken(*args: Any) -> Any:
        found = rows(*args)
        for row in session.scalars(select(ModelConfiguration)):
            row.api_key = crypto.encrypt("newer")
        session.flush()
        return found

    monkeypatch.setattr(sealed, "_rows", overtaken)
    list(sealed.reseal())

    session.expire_all()
    kept = session.scalars(select(ModelConfiguration)).one().api_key
    assert kept is not None
    assert crypto.decrypt(kept) == "newer"


def test_no_time_of_change_moves(ids: dict[str, str]) -> None:
    before = session.scalars(select(ModelConfiguration.modified_at)).one()
    crypto.configure([NEW, OLD])

    list(sealed.reseal())

    assert session.scalars(select(ModelConfiguration.modified_at)).one() == before


def test_what_is_encrypted_stands_only_where_it_is_found(ids: dict[str, str]) -> None:
    places = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        for (value,) in session.execute(select(column))
        if "gAAAA" in str(value)
    }
    marked = {
        f"{table.name}.{column.name}" for table, columns in sealed._places() for column in columns
    }

    assert places == marked
