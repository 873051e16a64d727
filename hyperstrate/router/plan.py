"""Makes the plan of a router, its stages built, its targets loaded; keeps it until it changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from hyperstrate.router.features import AFTER_INTERCEPTORS, BEFORE_INTERCEPTORS
from hyperstrate.router.features.fallback import Fallback
from hyperstrate.router.interceptors import INTERCEPTORS
from hyperstrate.router.models import Router, RouterTarget
from hyperstrate.router.ports import Ports
from hyperstrate.router.stage import Plan, Stage, Target
from hyperstrate.router.strategies import STRATEGIES
from hyperstrate.shared import settings
from hyperstrate.shared.cache import VersionedCache
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import BadRequest, NotFound, Unprocessable


class Plans:
    """The plans of all routers, made when first asked for, kept until something changes."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        topics = ("plans", "models", "prompts")
        self._plans: VersionedCache[tuple[str, str], Plan] = VersionedCache(*topics)
        self._ids: VersionedCache[tuple[str, str], str] = VersionedCache("plans")

    def get(self, org_id: str, router_id: str) -> Plan:
        """Raises NotFound, also for a router of another organisation; Unprocessable for one with
        a part that this version does not know."""
        return self._plans.get((org_id, router_id), self._build)

    def named(self, org_id: str, name: str) -> Plan:
        """The plan of the router with this name. Raises NotFound."""
        return self.get(org_id, self._ids.get((org_id, name), _id_of))

    def direct(self, org_id: str, model_id: str) -> Plan:
        """A plan that calls one model and nothing else. Raises NotFound."""
        card = self._ports.inference.card(org_id, model_id)
        target = Target(id="", model=card)
        return Plan(
            org_id=org_id,
            router_id="",
            name="",
            status="active",
            targets=(target,),
            strategy=lambda _exchange: [target],
            strategy_name="direct",
        )

    def _build(self, key: tuple[str, str]) -> Plan:
        org_id, router_id = key
        router = session.scalar(
            select(Router).where(Router.org_id == org_id, Router.id == router_id)
        )
        if router is None:
            raise NotFound("router not found")
        _check(router)
        return Plan(
            org_id=org_id,
            router_id=router.id,
            name=router.name,
            status=router.status,
            targets=tuple(self._target(org_id, row) for row in router.targets if row.is_enabled),
            strategy=STRATEGIES[router.strategy],
            strategy_name=router.strategy,
            stages=tuple(_stages(router)),
            prompt=self._prompt(org_id, router.configuration.prompt_id),
            store_payloads=router.configuration.store_payloads,
            team_ids=frozenset(access.team_id for access in router.accesses),
        )

    def _target(self, org_id: str, row: RouterTarget) -> Target:
        return Target(
            id=row.id,
            model=self._ports.inference.card(org_id, row.model_id),
            weight=row.weight,
            percentage=row.percentage,
            priority=row.priority,
            prompt=self._prompt(org_id, row.prompt_id),
        )

    def _prompt(self, org_id: str, prompt_id: str | None) -> str:
        return self._ports.prompts.load(org_id, prompt_id) if prompt_id else ""


def _id_of(key: tuple[str, str]) -> str:
    org_id, name = key
    found = session.scalar(select(Router.id).where(Router.org_id == org_id, Router.name == name))
    if found is None:
        raise NotFound(f"no router is named {name[:100]!r}")
    return found


def unusable(router: Router) -> list[str]:
    """What of a stored router this version does not know or cannot read, each in a sentence."""
    found = (
        [] if router.strategy in STRATEGIES else [f"the strategy {router.strategy!r} is unknown"]
    )
    features = {kind.name: kind for kind in (*BEFORE_INTERCEPTORS, *AFTER_INTERCEPTORS)}
    rows: list[tuple[str, str, dict[str, Any], Mapping[str, type[Stage[Any]]]]] = [
        *(("feature", row.feature_type, row.config, features)
          for row in router.features if row.is_enabled),
        *(("interceptor", row.type, row.config, INTERCEPTORS)
          for row in router.interceptors if row.is_enabled),
    ]  # fmt: skip
    for family, name, config, kinds in rows:
        if name not in kinds:
            found.append(f"the {family} {name!r} is unknown to this version")
        elif complaint := _complaint(kinds[name], config):
            found.append(f"the {family} {name!r} cannot be read: {complaint}")
    return found


def _complaint(kind: type[Stage[Any]], config: dict[str, Any]) -> str:
    try:
        settings.load(kind.Config, config)
    except BadRequest as wrong:
        return "; ".join(f"{name} {words[0]}" for name, words in wrong.fields.items())
    return ""


def _check(router: Router) -> None:
    """A stage that cannot run is not left out: it may be the one that guards. Raises
    Unprocessable."""
    wrong = unusable(router)
    if wrong:
        raise Unprocessable(f"the router {router.name!r} answers nothing: {'; '.join(wrong)}")


def _stages(router: Router) -> Iterable[Stage[Any]]:
    """The stages in the order in which they run. The failover strategy brings its fallback."""
    chosen = {row.feature_type: row.config for row in router.features if row.is_enabled}
    if router.strategy == "failover":
        chosen.setdefault(Fallback.name, {})
    for kind in BEFORE_INTERCEPTORS:
        if kind.name in chosen:
            yield kind(settings.load(kind.Config, chosen[kind.name]))
    for row in router.interceptors:
        if row.is_enabled:
            interceptor = INTERCEPTORS[row.type]
            yield interceptor(settings.load(interceptor.Config, row.config))
    for kind in AFTER_INTERCEPTORS:
        if kind.name in chosen:
            yield kind(settings.load(kind.Config, chosen[kind.name]))
