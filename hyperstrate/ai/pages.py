"""The pages of the models: the list, the catalog to register from, one model with its form."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from hyperstrate.ai import catalog, configurations, registrations
from hyperstrate.ai.api import ports
from hyperstrate.ai.configurations import DEFAULTS, Configuration
from hyperstrate.ai.inference import Inference
from hyperstrate.ai.registrations import Registered
from hyperstrate.ai.schemas import ConfigurationForm, RegisterModel, UpdateModel
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, BadRequest
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import form_errors, go, page, submitted

pages = Blueprint("ai_pages", __name__, url_prefix="/app/models")
Errors = dict[str, list[str]]
TIMES = {
    "connectTimeoutSecs": ("Connect", "connect_timeout_secs", DEFAULTS.connect),
    "firstByteTimeoutSecs": ("First byte", "first_byte_timeout_secs", DEFAULTS.first_byte),
    "idleTimeoutSecs": ("Idle", "idle_timeout_secs", DEFAULTS.idle),
    "timeoutSecs": ("Total", "timeout_secs", DEFAULTS.total),
}


@pages.get("")
@require_admin
def list_models() -> Response:
    """The registered models."""
    query = request.args.get("q", "")
    number = request.args.get("page", 1, int)
    found = registrations.find(caller().org_id, query=query, page=number)
    return page("ai/models.html", block="list", found=found, query=query)


@pages.get("/catalog")
@require_admin
def list_catalog() -> Response:
    """Every model that can be registered."""
    query = request.args.get("q", "")
    found = catalog.search_page(query, page=request.args.get("page", 1, int))
    return page("ai/catalog.html", block="list", found=found, query=query)


@pages.get("/new")
@require_admin
def show_new() -> Response:
    """The form that registers one model of the catalog."""
    return _new_page(request.args.get("key", ""), {}, {})


@pages.post("/new")
@require_admin
def register_model() -> Response:
    """Register it, and go on to its key."""
    values, errors = submitted(RegisterModel)
    key = request.form.get("modelDefinitionKey", "")
    if errors:
        return _new_page(key, values, errors)
    try:
        with unit_of_work():
            found = registrations.register(
                caller().org_id,
                key,
                alias=values["alias"],
                upstream_model=values["upstream_model"],
            )
    except AppError as error:
        return _new_page(key, request.form, form_errors(error))
    return go(url_for("ai_pages.show_model", id=found.id), f"{found.name} is registered.")


@pages.get("/<id>")
@require_admin
def show_model(id: str) -> Response:
    """One registered model."""
    return _model_page(registrations.get(caller().org_id, id))


@pages.post("/<id>/names")
@require_admin
def update_model(id: str) -> Response:
    """Change its alias, or the model that is called by it."""
    values, errors = submitted(UpdateModel)
    if errors:
        return _model_page(registrations.get(caller().org_id, id), values, errors)
    with unit_of_work():
        found = registrations.update(caller().org_id, id, **values)
    return go(url_for("ai_pages.show_model", id=id), f"{found.name} is saved.")


@pages.post("/<id>/configuration")
@require_admin
def set_configuration(id: str) -> Response:
    """Set how it is reached."""
    found = registrations.get(caller().org_id, id)
    values, errors = submitted(ConfigurationForm)
    if errors:
        return _model_page(found, values, errors)
    try:
        with unit_of_work():
            wanted = _configuration(values)
            configurations.configure(caller().org_id, id, wanted, rules=ports().rules)
    except AppError as error:
        return _model_page(registrations.get(caller().org_id, id), request.form, form_errors(error))
    return go(url_for("ai_pages.show_model", id=id), "The configuration is saved.")


@pages.post("/<id>/test")
@require_admin
def test_model(id: str) -> Response:
    """Make a tiny real call and show what came."""
    org_id = caller().org_id
    outcome = Inference(ports().upstream).test(org_id, id)
    with unit_of_work():
        found = registrations.note_test(
            org_id, id, latency_ms=outcome.latency_ms, error=outcome.error
        )
    return _model_page(found, outcome=outcome, block="test")


@pages.post("/<id>/delete")
@require_admin
def delete_model(id: str) -> Response:
    """Forget it, if its name was typed."""
    found = registrations.get(caller().org_id, id)
    if request.form.get("confirm", "") != found.name:
        return _model_page(found, {}, {"confirm": ["type the model's name to delete it"]})
    with unit_of_work():
        registrations.delete(caller().org_id, id)
    return go(url_for("ai_pages.list_models"), f"{found.name} is deleted.")


def _new_page(key: str, values: Any, errors: Errors) -> Response:
    definition = catalog.get(key)
    status = 422 if errors else 200
    return page("ai/new.html", status=status, definition=definition, values=values, errors=errors)


def _model_page(
    found: Registered,
    values: Any = None,
    errors: Errors | None = None,
    *,
    outcome: Any = None,
    block: str = "",
) -> Response:
    shown = _stored(found) | {
        name: value for name, value in (values or {}).items() if name not in {"apiKey", "apiSecret"}
    }
    return page(
        "ai/model.html",
        block=block,
        status=422 if errors else 200,
        found=found,
        values=shown,
        errors=errors or {},
        outcome=outcome,
        times=TIMES,
    )


def _stored(found: Registered) -> dict[str, Any]:
    """What stands in the form before somebody types; never a secret."""
    row = found.configuration
    names = {"alias": found.model.alias or "", "upstreamModel": found.model.upstream_model}
    base_url = {"baseUrl": configurations.base_url_of(found)}
    if row is None:
        return names | base_url | {name: default for name, (_, _, default) in TIMES.items()}
    headers = "\n".join(f"{name}: {value}" for name, value in row.shown_headers.items())
    times = {name: f"{getattr(row, column):g}" for name, (_, column, _) in TIMES.items()}
    return names | base_url | times | {"extraHeaders": headers}


def _configuration(values: dict[str, Any]) -> Configuration:
    """The form as the service takes it. An empty pool keeps the keys, unless it is to clear."""
    pool = values.pop("api_key_pool", "").split()
    keeps = not pool and not values.pop("clears_pool", False)
    values.pop("clears_pool", None)
    headers = _headers(values.pop("extra_headers", ""))
    return Configuration(**values, api_key_pool=None if keeps else pool, extra_headers=headers)


def _headers(text: str) -> dict[str, str]:
    headers = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            complaint = f"{line[:50]!r} must be Name: value"
            raise BadRequest(complaint, fields={"extraHeaders": [complaint]})
        headers[name.strip()] = value.strip()
    return headers
