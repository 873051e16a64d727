"""An admin's browser, models without network, and routers made over the services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hyperstrate.ai import configurations, registrations
from hyperstrate.ai.configurations import Configuration
from hyperstrate.router import parts, routers
from hyperstrate.router.models import Router
from hyperstrate.router.routers import Changes
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.db import session, unit_of_work
from tests.people import Browser, Part, People

BrowserAs = Callable[[Part | None], Browser]
HTMX = {"HX-Request": "true"}


@dataclass(frozen=True)
class Workshop:
    """Makes what the tests need, for Acme."""

    org_id: str

    def model(self, name: str = "Dummy", key: str = "dummy", *, base_url: str = "") -> str:
        with unit_of_work():
            model = registrations.register(self.org_id, key, alias=name)
            if base_url:
                wanted = Configuration(base_url=base_url)
                configurations.configure(self.org_id, model.id, wanted, rules=AddressRules(()))
        return model.id

    def router(
        self, name: str = "support", *models: str, strategy: str = "failover", active: bool = False
    ) -> str:
        with unit_of_work():
            router = routers.create(self.org_id, name, strategy=strategy)
            for place, model in enumerate(models):
                share = 100.0 if place == 0 else 0.0
                parts.add_target(
                    self.org_id, router.id, model_id=model, priority=place, percentage=share
                )
            if active:
                routers.update(self.org_id, router.id, Changes(status="active"))
        return router.id

    def stored(self, router_id: str) -> Router:
        """The router as it stands in the database now."""
        session.expire_all()
        return routers.get(self.org_id, router_id)

    def target(self, router_id: str, place: int = 0) -> str:
        return self.stored(router_id).targets[place].id


@pytest.fixture
def workshop(people: People) -> Workshop:
    return Workshop(people.alice.org_id)


@pytest.fixture
def admin(browser_as: BrowserAs) -> Browser:
    return browser_as("admin")
