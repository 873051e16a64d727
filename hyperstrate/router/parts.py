"""What a router is made of: its targets, features and interceptors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hyperstrate.router import routers, shares
from hyperstrate.router.features import FEATURES
from hyperstrate.router.interceptors import INTERCEPTORS
from hyperstrate.router.models import Router, RouterFeature, RouterInterceptor, RouterTarget
from hyperstrate.router.strategies.percentage import check_percentages
from hyperstrate.shared import settings
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import BadRequest, Conflict, NotFound, Unprocessable

P = TypeVar("P", RouterTarget, RouterFeature, RouterInterceptor)
FEATURE_BY_NAME = {kind.name: kind for kind in FEATURES}


@dataclass(frozen=True)
class TargetChanges:
    """What an edit of a target changes; None leaves as it is, ``prompt_id`` "" clears."""

    weight: int | None = None
    percentage: float | None = None
    priority: int | None = None
    is_enabled: bool | None = None
    prompt_id: str | None = None


def add_target(
    org_id: str,
    router_id: str,
    *,
    model_id: str,
    weight: int = 1,
    percentage: float = 0.0,
    priority: int = 0,
    prompt_id: str | None = None,
) -> RouterTarget:
    """Raises NotFound for a router, model or prompt that the organisation has not."""
    routers.ports().inference.card(org_id, model_id)
    _check_prompt(org_id, prompt_id)
    router = routers.locked(org_id, router_id)
    target = RouterTarget(
        model_id=model_id,
        weight=weight,
        percentage=percentage,
        priority=priority,
        prompt_id=prompt_id or None,
    )
    router.targets.append(target)
    _finish(router)
    return target


def update_target(
    org_id: str, router_id: str, target_id: str, changes: TargetChanges
) -> RouterTarget:
    """Raises NotFound, Unprocessable."""
    update_targets(org_id, router_id, {target_id: changes})
    return _part(routers.get(org_id, router_id).targets, target_id, "target")


def update_targets(
    org_id: str, router_id: str, changes: Mapping[str, TargetChanges]
) -> list[RouterTarget]:
    """Change several targets at once, so that percentages can move together."""
    router = routers.locked(org_id, router_id)
    for target_id, change in changes.items():
        target = _part(router.targets, target_id, "target")
        if change.prompt_id is not None:
            _check_prompt(org_id, change.prompt_id)
            target.prompt_id = change.prompt_id or None
        for name in ("weight", "percentage", "priority", "is_enabled"):
            value = getattr(change, name)
            if value is not None:
                setattr(target, name, value)
    _finish(router)
    return router.targets


def share_out(
    org_id: str, router_id: str, changes: Mapping[str, TargetChanges]
) -> list[RouterTarget]:
    """Set all percentages. Raises Unprocessable unless they sum to 100, also in a draft."""
    rows = update_targets(org_id, router_id, changes)
    complaint = check_percentages([row.percentage for row in rows if row.is_enabled])
    if complaint:
        raise Unprocessable(complaint)
    return rows


def order_targets(org_id: str, router_id: str, target_ids: Sequence[str]) -> list[RouterTarget]:
    """Set their order. Raises NotFound, BadRequest unless each of the router is named once."""
    router = routers.locked(org_id, router_id)
    known = {row.id: row for row in router.targets}
    if sorted(target_ids) != sorted(known):
        complaint = "must name each target of the router once"
        raise BadRequest("validation failed", fields={"targetIds": [complaint]})
    for priority, target_id in enumerate(target_ids):
        known[target_id].priority = priority
    _finish(router)
    return router.targets


def move_target(org_id: str, router_id: str, target_id: str, *, by: int) -> None:
    """Move it ``by`` places down, or up below zero. Raises NotFound."""
    router = routers.locked(org_id, router_id)
    for priority, row in enumerate(_moved(router.targets, target_id, "target", by=by)):
        row.priority = priority
    _finish(router)


def remove_target(org_id: str, router_id: str, target_id: str) -> None:
    """Raises NotFound; Unprocessable for the last target of an active router."""
    router = routers.locked(org_id, router_id)
    router.targets.remove(_part(router.targets, target_id, "target"))
    _finish(router)


def add_feature(
    org_id: str,
    router_id: str,
    feature_type: str,
    config: Mapping[str, Any],
    *,
    execution_order: int = 0,
) -> RouterFeature:
    """Raises NotFound, BadRequest for an unknown type or setting, Conflict for a second one."""
    router = routers.locked(org_id, router_id)
    if feature_type not in FEATURE_BY_NAME:
        raise _unknown("featureType", FEATURE_BY_NAME)
    if any(feature.feature_type == feature_type for feature in router.features):
        raise Conflict(f"this router has the feature {feature_type} already")
    feature = RouterFeature(
        feature_type=feature_type,
        config=_cleaned(FEATURE_BY_NAME[feature_type].Config, config),
        execution_order=execution_order or _next_order(router.features),
    )
    router.features.append(feature)
    _finish(router)
    return feature


def add_interceptor(
    org_id: str,
    router_id: str,
    kind: str,
    config: Mapping[str, Any],
    *,
    execution_order: int | None = None,
) -> RouterInterceptor:
    """Raises NotFound, BadRequest for an unknown type or setting, Conflict for a second budget."""
    router = routers.locked(org_id, router_id)
    if kind not in INTERCEPTORS:
        raise _unknown("type", INTERCEPTORS)
    shares.refuse_second(router, kind)
    order = _next_order(router.interceptors) if execution_order is None else execution_order
    interceptor = RouterInterceptor(
        type=kind, config=_cleaned(INTERCEPTORS[kind].Config, config), execution_order=order
    )
    shares.resolve(router, interceptor)
    router.interceptors.append(interceptor)
    _finish(router)
    return interceptor


@dataclass(frozen=True)
class StageChanges:
    """What an edit of a feature or interceptor changes; ``config`` replaces the whole."""

    config: Mapping[str, Any] | None = None
    execution_order: int | None = None
    is_enabled: bool | None = None


def update_feature(
    org_id: str, router_id: str, feature_id: str, changes: StageChanges
) -> RouterFeature:
    """Raises NotFound, BadRequest."""
    router = routers.locked(org_id, router_id)
    feature = _part(router.features, feature_id, "feature")
    _apply(feature, FEATURE_BY_NAME[feature.feature_type].Config, changes)
    _finish(router)
    return feature


def update_interceptor(
    org_id: str, router_id: str, interceptor_id: str, changes: StageChanges
) -> RouterInterceptor:
    """Raises NotFound, BadRequest."""
    router = routers.locked(org_id, router_id)
    interceptor = _part(router.interceptors, interceptor_id, "interceptor")
    _apply(interceptor, INTERCEPTORS[interceptor.type].Config, changes)
    if changes.config is not None:
        shares.resolve(router, interceptor)
    _finish(router)
    return interceptor


def move_interceptor(org_id: str, router_id: str, interceptor_id: str, *, by: int) -> None:
    """Let it run ``by`` places later, or earlier below zero. Raises NotFound."""
    router = routers.locked(org_id, router_id)
    ordered = _moved(router.interceptors, interceptor_id, "interceptor", by=by)
    for order, row in enumerate(ordered, 1):
        row.execution_order = order
    _finish(router)


def remove_feature(org_id: str, router_id: str, feature_id: str) -> None:
    """Raises NotFound."""
    router = routers.locked(org_id, router_id)
    router.features.remove(_part(router.features, feature_id, "feature"))
    _finish(router)


def remove_interceptor(org_id: str, router_id: str, interceptor_id: str) -> None:
    """Raises NotFound."""
    router = routers.locked(org_id, router_id)
    router.interceptors.remove(_part(router.interceptors, interceptor_id, "interceptor"))
    _finish(router)


def described(org_id: str, target: RouterTarget) -> dict[str, Any]:
    """A target with what is known of its model (the API's ModelRef)."""
    card = routers.ports().inference.card(org_id, target.model_id)
    names = ("id", "router_id", "model_id", "weight", "percentage", "priority", "is_enabled",
             "prompt_id", "created_at", "modified_at")  # fmt: skip
    return {
        **{name: getattr(target, name) for name in names},
        "model": {
            "id": card.model_id,
            "displayName": card.display_name,
            "modelDefKey": card.definition_key,
            "provider": card.provider,
            "inputPricePer1MTokens": float(card.input_price_per_1m),
            "outputPricePer1MTokens": float(card.output_price_per_1m),
        },
    }


def _apply(
    row: RouterFeature | RouterInterceptor, config: type[Any], changes: StageChanges
) -> None:
    if changes.config is not None:
        row.config = _cleaned(config, changes.config)
    if changes.execution_order is not None:
        row.execution_order = changes.execution_order
    if changes.is_enabled is not None:
        row.is_enabled = changes.is_enabled


def _cleaned(config: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return settings.dump(settings.load(config, values))


def _part(rows: Sequence[P], row_id: str, what: str) -> P:
    found = next((row for row in rows if row.id == row_id), None)
    if found is None:
        raise NotFound(f"{what} not found")
    return found


def _moved(rows: Sequence[P], row_id: str, what: str, *, by: int) -> list[P]:
    """``rows`` with one of them ``by`` places further. Raises NotFound."""
    ordered = list(rows)
    place = ordered.index(_part(ordered, row_id, what))
    ordered.insert(max(0, place + by), ordered.pop(place))
    return ordered


def _next_order(rows: Sequence[RouterFeature] | Sequence[RouterInterceptor]) -> int:
    return max((row.execution_order for row in rows), default=0) + 1


def _check_prompt(org_id: str, prompt_id: str | None) -> None:
    if prompt_id:
        routers.ports().prompts.load(org_id, prompt_id)


def _unknown(field: str, known: Mapping[str, object]) -> BadRequest:
    complaint = f"must be one of: {' '.join(known)}"
    return BadRequest("validation failed", fields={field: [complaint]})


def _finish(router: Router) -> None:
    routers.check_runnable(router)
    routers.save()
    shares.keep(router)
    session.expire(router, ["targets", "features", "interceptors"])  # their order may be another
