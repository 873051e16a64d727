"""Two organizations, people of both, a provider on loopback, and models registered with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from hyperstrate.ai import configurations, registrations
from hyperstrate.ai.configurations import Configuration
from hyperstrate.ai.inference import Inference
from hyperstrate.ai.registrations import Registered
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.cache import forget
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.upstream import Upstream
from tests.people import People
from tests.upstreams import Provider

RULES = AddressRules(("127.0.0.0/8",))


@dataclass(frozen=True)
class Orgs:
    acme: str
    globex: str


@pytest.fixture
def orgs(people: People) -> Orgs:
    """Acme, and Globex which must never see what is Acme's."""
    forget(registrations.TOPIC)
    return Orgs(people.alice.org_id, people.carol.org_id)


def fresh(org_id: str, model_id: str) -> Registered:
    """The model as it stands in the database now, whatever was read before."""
    session.expire_all()
    return registrations.get(org_id, model_id)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as made:
        yield made


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = Upstream(RULES)
    yield made
    made.close()


@pytest.fixture
def inference(upstream: Upstream) -> Inference:
    return Inference(upstream)


Registers = Callable[..., Registered]


@pytest.fixture
def register(orgs: Orgs) -> Registers:
    """Register a model for Acme; with ``base_url`` or other options it is configured too."""

    def make(key: str = "dummy", upstream_model: str = "", **options: object) -> Registered:
        with unit_of_work():
            found = registrations.register(orgs.acme, key, upstream_model=upstream_model)
            if options:
                wanted = Configuration(**{"api_key": "sk-secret", **options})  # type: ignore[arg-type]
                configurations.configure(orgs.acme, found.id, wanted, rules=RULES)
        return found

    return make
