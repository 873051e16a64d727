"""Fixtures of auth's tests: what the other modules answer, and a limiter that starts empty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from hyperstrate.auth.people.throttle import Throttle
from hyperstrate.auth.runtime import runtime, use
from hyperstrate.auth.sso.web import Web
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.db import db
from hyperstrate.shared.store import MemoryStore
from tests.auth.sso.desk import Desk, provider_of
from tests.auth.sso.idp import Idp
from tests.people import Part, People
from tests.router import building
from tests.upstreams import Provider

ClientAs = Callable[[Part | None], FlaskClient]


@dataclass
class Routers:
    """Routers by organisation: id -> name."""

    of: dict[str, dict[str, str]] = field(default_factory=dict)

    def exists(self, org_id: str, router_id: str) -> bool:
        return router_id in self.names(org_id)

    def names(self, org_id: str, router_ids: Iterable[str] | None = None) -> dict[str, str]:
        known = self.of.get(org_id, {})
        wanted = set(known if router_ids is None else router_ids)
        return {key: name for key, name in known.items() if key in wanted}


@pytest.fixture(autouse=True)
def routers(app: Flask) -> Iterator[Routers]:
    """Routers that a test adds to; no guess at a password was made yet."""
    before, known = runtime(), Routers()
    use(replace(before, routers=known, throttle=Throttle(MemoryStore())))
    yield known
    use(before)


@pytest.fixture
def router_id(routers: Routers, people: People) -> str:
    """Acme's router "Support"; Globex has one too."""
    routers.of[people.carol.org_id] = {"rtr_globex": "Secret"}
    routers.of[people.alice.org_id] = {"rtr_acme": "Support"}
    return "rtr_acme"


@pytest.fixture
def stored_router(client_as: ClientAs, router_id: str, routers: Routers, people: People) -> str:
    """A router of Acme that stands in the database too, as virtual keys need it."""
    stored = building.active(client_as("admin"), "Support")
    routers.of[people.alice.org_id][stored] = "Support"
    return stored


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """The SQL that was run."""
    run: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        run.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield run
    event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def idp(app: Flask) -> Iterator[Idp]:
    """An identity provider on loopback."""
    before = runtime()
    web = Web(AddressRules(("127.0.0.0/8",)))
    use(replace(before, web=web, store=MemoryStore()))
    with Provider() as server:
        yield Idp(server)
    web.close()
    use(before)


@pytest.fixture
def desk(app: Flask, people: People, idp: Idp) -> Desk:
    """Somebody about to sign in to Acme by Acme's own provider."""
    return Desk(app, idp, provider_of(people.alice.org_id, idp))
