"""REST: the targets, features and interceptors of a router."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.router import parts, routers
from hyperstrate.router.parts import StageChanges, TargetChanges, described
from hyperstrate.router.schemas import (
    CreateFeature,
    CreateInterceptor,
    CreateTarget,
    FeatureSchema,
    InterceptorSchema,
    OrderTargets,
    TargetSchema,
    UpdateStage,
    UpdateTarget,
    UpdateTargets,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin

blueprint = Blueprint(
    "router_parts",
    __name__,
    url_prefix="/router/<router_id>",
    description="Targets, features and interceptors of a router",
)


@blueprint.get("/targets")
@require_admin
@blueprint.response(200, TargetSchema(many=True))
def targets(router_id: str) -> Any:
    """The targets of a router, by priority."""
    rows = routers.get(caller().org_id, router_id).targets
    return [described(caller().org_id, row) for row in rows]


@blueprint.post("/targets")
@require_admin
@blueprint.arguments(CreateTarget)
@blueprint.response(201, TargetSchema)
def add_target(body: dict[str, Any], router_id: str) -> Any:
    """Add a model to the router's choice."""
    with unit_of_work():
        target = parts.add_target(caller().org_id, router_id, **body)
        return described(caller().org_id, target)


@blueprint.put("/targets")
@require_admin
@blueprint.arguments(UpdateTargets)
@blueprint.response(200, TargetSchema(many=True))
def update_targets(body: dict[str, Any], router_id: str) -> Any:
    """Change several targets together, so that percentages can move."""
    changes = {row.pop("id"): TargetChanges(**row) for row in body["targets"]}
    with unit_of_work():
        rows = parts.update_targets(caller().org_id, router_id, changes)
        return [described(caller().org_id, row) for row in rows]


@blueprint.put("/targets/order")
@require_admin
@blueprint.arguments(OrderTargets)
@blueprint.response(200, TargetSchema(many=True))
def order_targets(body: dict[str, Any], router_id: str) -> Any:
    """Set the order of all targets; their priorities become 0, 1, 2 and so on."""
    with unit_of_work():
        rows = parts.order_targets(caller().org_id, router_id, body["target_ids"])
        return [described(caller().org_id, row) for row in rows]


@blueprint.patch("/targets/<target_id>")
@require_admin
@blueprint.arguments(UpdateTarget)
@blueprint.response(200, TargetSchema)
def update_target(body: dict[str, Any], router_id: str, target_id: str) -> Any:
    """Change one target."""
    with unit_of_work():
        changes = TargetChanges(**body)
        target = parts.update_target(caller().org_id, router_id, target_id, changes)
        return described(caller().org_id, target)


@blueprint.delete("/targets/<target_id>")
@require_admin
@blueprint.response(204)
def remove_target(router_id: str, target_id: str) -> None:
    """Take a model out of the router's choice."""
    with unit_of_work():
        parts.remove_target(caller().org_id, router_id, target_id)


@blueprint.get("/features")
@require_admin
@blueprint.response(200, FeatureSchema(many=True))
def features(router_id: str) -> Any:
    """The features of a router."""
    return routers.get(caller().org_id, router_id).features


@blueprint.post("/features")
@require_admin
@blueprint.arguments(CreateFeature)
@blueprint.response(201, FeatureSchema)
def add_feature(body: dict[str, Any], router_id: str) -> Any:
    """Switch a feature on. Its config is checked; an unknown setting is refused."""
    with unit_of_work():
        return parts.add_feature(caller().org_id, router_id, **body)


@blueprint.patch("/features/<feature_id>")
@require_admin
@blueprint.arguments(UpdateStage)
@blueprint.response(200, FeatureSchema)
def update_feature(body: dict[str, Any], router_id: str, feature_id: str) -> Any:
    """Change a feature; config replaces the whole."""
    with unit_of_work():
        changes = StageChanges(**body)
        return parts.update_feature(caller().org_id, router_id, feature_id, changes)


@blueprint.delete("/features/<feature_id>")
@require_admin
@blueprint.response(204)
def remove_feature(router_id: str, feature_id: str) -> None:
    """Switch a feature off for good."""
    with unit_of_work():
        parts.remove_feature(caller().org_id, router_id, feature_id)


@blueprint.get("/interceptors")
@require_admin
@blueprint.response(200, InterceptorSchema(many=True))
def interceptors(router_id: str) -> Any:
    """The interceptors of a router, in their order."""
    return routers.get(caller().org_id, router_id).interceptors


@blueprint.post("/interceptors")
@require_admin
@blueprint.arguments(CreateInterceptor)
@blueprint.response(201, InterceptorSchema)
def add_interceptor(body: dict[str, Any], router_id: str) -> Any:
    """Put an interceptor in the pipeline. Its config is checked."""
    with unit_of_work():
        return parts.add_interceptor(caller().org_id, router_id, **body)


@blueprint.patch("/interceptors/<interceptor_id>")
@require_admin
@blueprint.arguments(UpdateStage)
@blueprint.response(200, InterceptorSchema)
def update_interceptor(body: dict[str, Any], router_id: str, interceptor_id: str) -> Any:
    """Change an interceptor; config replaces the whole."""
    with unit_of_work():
        changes = StageChanges(**body)
        return parts.update_interceptor(caller().org_id, router_id, interceptor_id, changes)


@blueprint.delete("/interceptors/<interceptor_id>")
@require_admin
@blueprint.response(204)
def remove_interceptor(router_id: str, interceptor_id: str) -> None:
    """Take an interceptor out of the pipeline."""
    with unit_of_work():
        parts.remove_interceptor(caller().org_id, router_id, interceptor_id)
