"""No service of the router that takes an organisation touches another one's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import pytest

from hyperstrate.ai import registrations
from hyperstrate.prompts import library
from hyperstrate.router import parts, routers, webhooks
from hyperstrate.router.parts import StageChanges, TargetChanges
from hyperstrate.router.plan import Plans
from hyperstrate.router.routers import Changes
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import NotFound
from tests.people import People

SERVICES: tuple[ModuleType, ...] = (routers, parts, webhooks)
PATTERNS = {"blocked_patterns": ["x"]}


@dataclass(frozen=True)
class Own:
    """What Acme has, and the organisation that asks for it: Globex with a model of its own."""

    org_id: str
    router_id: str
    target_id: str
    feature_id: str
    interceptor_id: str
    team_id: str
    model_id: str
    prompt_id: str
    other: str
    others_team: str
    others_model: str


@pytest.fixture
def own(people: People) -> Own:
    org_id, other = people.alice.org_id, people.carol.org_id
    with unit_of_work():
        model_id = registrations.register(org_id, "dummy").id
        prompt_id = library.create(org_id, "Greeting", "Hello").id
        others_model = registrations.register(other, "dummy").id
    with unit_of_work():
        router_id = routers.create(
            org_id, "support", strategy="failover", webhook_url="https://example.com/"
        ).id
        target = parts.add_target(org_id, router_id, model_id=model_id)
        feature = parts.add_feature(org_id, router_id, "retry", {})
        interceptor = parts.add_interceptor(org_id, router_id, "content_filter", PATTERNS)
        routers.grant(org_id, router_id, people.alice.team_id)
        routers.update(org_id, router_id, Changes(status="active", prompt_id=prompt_id))
    return Own(
        org_id, router_id, target.id, feature.id, interceptor.id, people.alice.team_id, model_id,
        prompt_id, other, people.carol.team_id, others_model,
    )  # fmt: skip


Case = Callable[[Own], object]
NOT_FOUND: dict[str, Case] = {
    "routers.get": lambda own: routers.get(own.other, own.router_id),
    "routers.locked": lambda own: routers.locked(own.other, own.router_id),
    "routers.update": lambda own: routers.update(own.other, own.router_id, Changes(name="x")),
    "routers.delete": lambda own: routers.delete(own.other, own.router_id),
    "routers.accesses": lambda own: routers.accesses(own.other, own.router_id),
    "routers.grant": lambda own: routers.grant(own.other, own.router_id, own.others_team),
    "routers.revoke": lambda own: routers.revoke(own.other, own.router_id, own.team_id),
    "routers.set_teams": lambda own: routers.set_teams(own.other, own.router_id, []),
    "routers.team_names": lambda own: routers.team_names(own.other, own.router_id),
    "parts.add_target": lambda own: parts.add_target(
        own.other, own.router_id, model_id=own.others_model
    ),
    "parts.update_target": lambda own: parts.update_target(
        own.other, own.router_id, own.target_id, TargetChanges(weight=9)
    ),
    "parts.update_targets": lambda own: parts.update_targets(
        own.other, own.router_id, {own.target_id: TargetChanges(weight=9)}
    ),
    "parts.share_out": lambda own: parts.share_out(
        own.other, own.router_id, {own.target_id: TargetChanges(percentage=100)}
    ),
    "parts.order_targets": lambda own: parts.order_targets(
        own.other, own.router_id, [own.target_id]
    ),
    "parts.move_target": lambda own: parts.move_target(
        own.other, own.router_id, own.target_id, by=1
    ),
    "parts.remove_target": lambda own: parts.remove_target(own.other, own.router_id, own.target_id),
    "parts.add_feature": lambda own: parts.add_feature(own.other, own.router_id, "fallback", {}),
    "parts.update_feature": lambda own: parts.update_feature(
        own.other, own.router_id, own.feature_id, StageChanges(is_enabled=False)
    ),
    "parts.remove_feature": lambda own: parts.remove_feature(
        own.other, own.router_id, own.feature_id
    ),
    "parts.add_interceptor": lambda own: parts.add_interceptor(
        own.other, own.router_id, "content_filter", PATTERNS
    ),
    "parts.update_interceptor": lambda own: parts.update_interceptor(
        own.other, own.router_id, own.interceptor_id, StageChanges(is_enabled=False)
    ),
    "parts.move_interceptor": lambda own: parts.move_interceptor(
        own.other, own.router_id, own.interceptor_id, by=1
    ),
    "parts.remove_interceptor": lambda own: parts.remove_interceptor(
        own.other, own.router_id, own.interceptor_id
    ),
    "parts.described": lambda own: parts.described(
        own.other, routers.get(own.org_id, own.router_id).targets[0]
    ),
    "webhooks.webhook": lambda own: webhooks.webhook(own.other, own.router_id),
    "webhooks.rotate_secret": lambda own: webhooks.rotate_secret(own.other, own.router_id),
}
NOTHING: dict[str, Case] = {
    "routers.find": lambda own: routers.find(own.other, query=own.router_id).items,
    "routers.listing": lambda own: routers.listing(own.other).items,
    "routers.exists": lambda own: routers.exists(own.other, own.router_id),
    "routers.names": lambda own: routers.names(own.other, [own.router_id]),
    "routers.with_prompt": lambda own: routers.with_prompt(own.other, own.prompt_id),
    "routers.active": lambda own: routers.active(own.other),
}
OWN_TEST = {"routers.create"}


def services() -> set[str]:
    """The public functions that take an organisation."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in SERVICES
        for name, found in inspect.getmembers(module, inspect.isfunction)
        if found.__module__ == module.__name__ and not name.startswith("_")
        if "org_id" in inspect.signature(found).parameters
    }


def snapshot(own: Own) -> list[object]:
    """All that stands in the database about Acme's router."""
    session.expire_all()
    router = routers.get(own.org_id, own.router_id)
    rows = [router, router.configuration, *router.targets, *router.features]
    rows += [*router.interceptors, *router.accesses]
    return [[getattr(row, column.name) for column in row.__table__.columns] for row in rows]


def test_every_service_has_a_case() -> None:
    assert services() == {*NOT_FOUND, *NOTHING, *OWN_TEST}


@pytest.mark.parametrize("name", NOT_FOUND)
def test_what_is_anothers_is_not_found_and_stays_as_it_is(own: Own, name: str) -> None:
    before = snapshot(own)

    with pytest.raises(NotFound), unit_of_work():
        NOT_FOUND[name](own)

    assert snapshot(own) == before


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_anothers_is_in_no_list(own: Own, name: str) -> None:
    assert not NOTHING[name](own)


def test_what_one_makes_is_ones_own(own: Own) -> None:
    with unit_of_work():
        made = routers.create(own.other, "support", strategy="failover")

    assert made.org_id == own.other
    assert set(routers.names(own.org_id)) == {own.router_id}


def test_nobody_runs_anothers_plan(own: Own) -> None:
    plans = Plans(routers.ports())
    assert plans.get(own.org_id, own.router_id)

    for ask, what in (
        (plans.get, own.router_id),
        (plans.named, "support"),
        (plans.direct, own.model_id),
    ):
        with pytest.raises(NotFound):
            ask(own.other, what)
