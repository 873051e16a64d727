"""A router as people see it: the places on a request's road, in order, and what stands in each."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hyperstrate.router import parts, routers
from hyperstrate.router.features import ANSWERED_ALREADY, CHOOSE_AND_CALL, WHO_MAY_PASS
from hyperstrate.router.features.fallback import Fallback
from hyperstrate.router.interceptors import INTERCEPTORS
from hyperstrate.router.models import Router, RouterFeature, RouterInterceptor, RouterTarget
from hyperstrate.router.ports import ModelChoice
from hyperstrate.router.stage import Stage
from hyperstrate.router.strategies import STRATEGIES
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.settings import fields_of

Family = Literal["features", "interceptors"]
Kind = type[Stage[Any]]
SHOWN_FACTS = 3
UNKNOWN = "This version does not know it: while it is on, the router answers nothing."
KINDS: dict[str, Mapping[str, Kind]] = {
    "features": parts.FEATURE_BY_NAME,
    "interceptors": INTERCEPTORS,
}


@dataclass(frozen=True)
class StageKind:
    """A kind of stage; ``about`` says in one sentence what it does."""

    family: Family
    name: str
    label: str
    about: str

    @classmethod
    def of(cls, family: Family, kind: Kind) -> StageKind:
        return cls(family, kind.name, label_of(kind.name), about(kind))


@dataclass(frozen=True)
class Standing:
    """A stage that stands in the road. ``facts``: its first settings and their values."""

    id: str
    kind: StageKind
    is_enabled: bool
    config: Mapping[str, Any]
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Place:
    """A part of the road: what stands there in order, and what may be added."""

    key: str
    title: str
    stages: list[Standing]
    missing: list[StageKind]


@dataclass(frozen=True)
class Choosable:
    """A target with its model; ``share`` says when the strategy chooses it."""

    row: RouterTarget
    model: ModelChoice
    share: str


def road(router: Router) -> list[Place]:
    """The places before the targets, as the pipeline runs them."""
    return [
        _features("pass", "Who may pass", WHO_MAY_PASS, router),
        _features("cache", "Answered already", ANSWERED_ALREADY, router),
        _interceptors(router),
        _features("call", "Choose and call", CHOOSE_AND_CALL, router),
    ]


def brings_fallback(router: Router) -> bool:
    """The failover strategy is nothing without it."""
    return router.strategy == "failover"


def targets(router: Router) -> list[Choosable]:
    """The targets in their order; one whose model has gone a moment ago is left out."""
    known = {model.id: model for model in routers.ports().models.choices(router.org_id)}
    rows = [row for row in router.targets if row.model_id in known]
    enabled = [row for row in rows if row.is_enabled]
    return [Choosable(row, known[row.model_id], _share(router, row, enabled)) for row in rows]


def strategies() -> list[tuple[str, str, str]]:
    """Name, label and meaning of each."""
    return [(name, label_of(name), about(order)) for name, order in STRATEGIES.items()]


def label_of(name: str) -> str:
    """A stage's or strategy's name as people write it."""
    return name.replace("_", " ").capitalize()


def about(what: Any) -> str:
    """What a stage or strategy does: the sentence with which its file begins."""
    documentation = sys.modules[what.__module__].__doc__ or ""
    return documentation.strip().partition("\n\n")[0].replace("\n", " ")


def _features(key: str, title: str, kinds: Sequence[Kind], router: Router) -> Place:
    rows = {row.feature_type: row for row in router.features}
    hidden = {Fallback.name} if brings_fallback(router) else set()
    shown = [kind for kind in kinds if kind.name not in hidden]
    return Place(
        key,
        title,
        [_standing("features", kind, rows[kind.name]) for kind in shown if kind.name in rows],
        [StageKind.of("features", kind) for kind in shown if kind.name not in rows],
    )


def _interceptors(router: Router) -> Place:
    there = {row.type for row in router.interceptors}
    return Place(
        "interceptors",
        "Interceptors",
        [_interceptor(row) for row in router.interceptors],
        [
            StageKind.of("interceptors", kind)
            for name, kind in INTERCEPTORS.items()
            if name not in there
        ],
    )


def _interceptor(row: RouterInterceptor) -> Standing:
    """One that this version does not know is shown too: it keeps the router from answering."""
    if row.type in INTERCEPTORS:
        return _standing("interceptors", INTERCEPTORS[row.type], row)
    kind = StageKind("interceptors", row.type, label_of(row.type), UNKNOWN)
    return Standing(row.id, kind, row.is_enabled, row.config, [])


def _standing(family: Family, kind: Kind, row: RouterFeature | RouterInterceptor) -> Standing:
    return Standing(
        id=row.id,
        kind=StageKind.of(family, kind),
        is_enabled=row.is_enabled,
        config=row.config,
        facts=list(_facts(kind, row.config))[:SHOWN_FACTS],
    )


def _facts(kind: Kind, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for field in fields_of(kind.Config):
        value = config.get(field.name, field.default)
        if value not in (None, "", [], {}) and field.rule.widget != "target":
            yield field.label, _written(value)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        return f"{len(value)}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def standing(router: Router, family: Family, stage_id: str) -> Standing:
    """One stage of the road. Raises NotFound."""
    for place in road(router):
        for stage in place.stages:
            if stage.id == stage_id and stage.kind.family == family:
                return stage
    raise NotFound("stage not found")


def kind_of(family: Family, name: str) -> Kind:
    """The class of a stage. Raises NotFound."""
    kind = KINDS.get(family, {}).get(name)
    if kind is None:
        raise NotFound("there is no such stage")
    return kind


def _share(router: Router, row: RouterTarget, enabled: Sequence[RouterTarget]) -> str:
    if row not in enabled:
        return ""
    if router.strategy == "percentage":
        return f"{row.percentage:g}%"
    if router.strategy == "weighted":
        whole = sum(other.weight for other in enabled)
        share = f" · {row.weight / whole:.0%}" if whole else ""
        return f"weight {row.weight}{share}"
    if router.strategy == "failover":
        return f"tried {_ordinal(enabled.index(row) + 1)} · priority {row.priority}"
    return "" if router.strategy == "latency_based" else f"{1 / len(enabled):.0%}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
