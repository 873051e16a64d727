"""The REST API of the ai module: the catalog, the registered models, and how they are reached."""

from __future__ import annotations

from typing import Any, cast

from flask import current_app
from flask_smorest import Blueprint

from hyperstrate.ai import catalog, configurations, registrations
from hyperstrate.ai.catalog import Definition
from hyperstrate.ai.configurations import Configuration
from hyperstrate.ai.inference import Inference, TestOutcome
from hyperstrate.ai.ports import Ports
from hyperstrate.ai.registrations import Registered
from hyperstrate.ai.schemas import (
    CatalogArgs,
    ConfigurationSchema,
    DefinitionSchema,
    IdsArgs,
    ModelPage,
    ModelsArgs,
    ModelSchema,
    RegisterModel,
    SetConfiguration,
    TestSchema,
    UpdateModel,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.pagination import Meta, Page

Json = dict[str, Any]
blp = Blueprint("ai", __name__, url_prefix="/ai", description="Models and their catalog")


def ports() -> Ports:
    return cast(Ports, current_app.extensions["ai"])


@blp.get("/catalog")
@require_admin
@blp.arguments(CatalogArgs, location="query")
@blp.response(200, DefinitionSchema(many=True))
def search_catalog(args: Json) -> list[Definition]:
    """Every model we know, sorted by key"""
    return catalog.search(args["query"], capabilities=args["capabilities"])


@blp.get("/models")
@require_admin
@blp.arguments(ModelsArgs, location="query")
@blp.response(200, ModelPage)
def list_models(args: Json) -> Page[Registered]:
    """The registered models, newest first"""
    ids = args.pop("ids")
    if not ids:
        return registrations.find(caller().org_id, **args)
    found = registrations.named(caller().org_id, ids)
    return Page(found, Meta(len(found), len(found), max(1, len(found)), 1, 1))


@blp.post("/models")
@require_admin
@blp.arguments(RegisterModel)
@blp.response(201, ModelSchema)
def register_model(body: Json) -> Registered:
    """Use a model of the catalog"""
    with unit_of_work():
        return registrations.register(
            caller().org_id,
            body["definition_key"],
            alias=body["alias"] or "",
            upstream_model=body["upstream_model"] or "",
        )


@blp.get("/models/configurations")
@require_admin
@blp.arguments(IdsArgs, location="query")
@blp.response(200, ConfigurationSchema(many=True))
def list_configurations(args: Json) -> Any:
    """How some models are reached"""
    return configurations.of_models(caller().org_id, args["ids"])


@blp.get("/models/<id>")
@require_admin
@blp.response(200, ModelSchema)
def get_model(id: str) -> Registered:
    """One registered model"""
    return registrations.get(caller().org_id, id)


@blp.patch("/models/<id>")
@require_admin
@blp.arguments(UpdateModel)
@blp.response(200, ModelSchema)
def update_model(body: Json, id: str) -> Registered:
    """Rename it, or call another model by it"""
    with unit_of_work():
        return registrations.update(caller().org_id, id, **body)


@blp.delete("/models/<id>")
@require_admin
@blp.response(204)
def delete_model(id: str) -> None:
    """Forget it, its keys and its address"""
    with unit_of_work():
        registrations.delete(caller().org_id, id)


@blp.get("/models/<id>/configuration")
@require_admin
@blp.response(200, ConfigurationSchema)
def get_configuration(id: str) -> Any:
    """How it is reached"""
    return configurations.get(caller().org_id, id)


@blp.put("/models/<id>/configuration")
@require_admin
@blp.arguments(SetConfiguration)
@blp.response(200, ConfigurationSchema)
def set_configuration(body: Json, id: str) -> Any:
    """Set how it is reached"""
    with unit_of_work():
        return configurations.configure(
            caller().org_id, id, Configuration(**body), rules=ports().rules
        )


@blp.post("/models/<id>/test")
@require_admin
@blp.response(200, TestSchema)
def test_model(id: str) -> TestOutcome:
    """Make a tiny real call"""
    org_id = caller().org_id
    outcome = Inference(ports().upstream).test(org_id, id)
    with unit_of_work():
        registrations.note_test(org_id, id, latency_ms=outcome.latency_ms, error=outcome.error)
    return outcome


test_model.__test__ = False
