"""Fixtures: the whole application, for pages show what other modules have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from hyperstrate.ai import registrations
from hyperstrate.auth.keys import api_keys
from hyperstrate.observability import recorder
from hyperstrate.observability.api.common import EXTENSION
from hyperstrate.router import parts, routers
from hyperstrate.shared.chat import Usage
from hyperstrate.shared.db import db, unit_of_work
from hyperstrate.shared.spool import Spool
from tests.observability.conftest import Store
from tests.observability.installation import make_event
from tests.people import Browser, Part, People

BrowserAs = Callable[[Part | None], Browser]
Bring = Callable[..., None]


@pytest.fixture
def app(built_app: Flask, spool: Spool) -> Iterator[Flask]:
    """The application with empty tables and a spool of its own, and its context pushed."""
    recorder.configure(spool)
    with built_app.app_context():
        yield built_app
        db.session.rollback()
        for table in reversed(db.metadata.sorted_tables):
            db.session.connection().execute(table.delete())
        db.session.commit()
        db.session.remove()
    recorder.configure(built_app.extensions[EXTENSION].spool)


@pytest.fixture
def admin(browser_as: BrowserAs) -> Browser:
    return browser_as("admin")


@pytest.fixture
def bring(store: Store, people: People) -> Bring:
    """Bring one finished request of Acme into the log."""
    return lambda **changes: store(make_event(org_id=people.alice.org_id, **changes))


@pytest.fixture
def bring_many(store: Store, people: People) -> Bring:
    """Bring ``count`` requests into the log: r000 the oldest, a second apart, some of them odd."""

    def bring(count: int, *, at: float = 1_790_000_000.0) -> None:
        store(
            *(
                make_event(
                    id=f"r{place:03}",
                    at=at + place,
                    org_id=people.alice.org_id,
                    **_odd(place),
                )
                for place in range(count)
            )
        )

    return bring


def _odd(place: int) -> dict[str, Any]:
    """Each third failed, each fifth came from a cache, each seventh was dear, slow and direct."""
    changes: dict[str, Any] = {}
    if place % 3 == 0:
        changes |= {
            "status": "error",
            "http_status": 529,
            "error_code": "overloaded",
            "error_message": f"Overloaded, said machine {place}",
        }
    elif place % 5 == 0:
        changes |= {"cache_hit_type": "exact", "usage": Usage(), "model_id": "", "ttft_ms": None}
    if place % 7 == 0:
        changes |= {
            "cost_usd": Decimal("0.5"),
            "latency_ms": 9000.0,
            "source": "direct",
            "router_id": "",
            "router_name": "",
        }
    return changes


class Installed:
    """What Acme has set up."""

    def __init__(self, org_id: str) -> None:
        with unit_of_work():
            self.model_id = registrations.register(org_id, "dummy", alias="Fast").id
        with unit_of_work():
            self.router_id = routers.create(org_id, "support", strategy="round_robin").id
            parts.add_target(org_id, self.router_id, model_id=self.model_id)
            self.key_id = api_keys.issue(org_id, "phone app", router_id=self.router_id).key.id

    def activate(self, org_id: str) -> None:
        with unit_of_work():
            routers.update(org_id, self.router_id, routers.Changes(status="active"))


@pytest.fixture
def installed(people: People) -> Installed:
    """A model, a router that is still a draft, and a key."""
    return Installed(people.alice.org_id)
