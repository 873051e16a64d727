"""The Settings tab: names, prompt, what is stored, who may use the router, webhook, its end."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from hyperstrate.router import routers
from hyperstrate.router.pages.forms import SettingsForm
from hyperstrate.router.routers import Changes
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import form_errors, go, page, submitted

pages = Blueprint("router_settings", __name__, url_prefix="/app/routers/<router_id>")
SHOWN_DELIVERIES = 10


@pages.get("/settings")
@require_admin
def show(router_id: str) -> Response:
    """The settings of one router."""
    return tab(router_id)


@pages.post("/settings")
@require_admin
def save(router_id: str) -> Response:
    """Change them together."""
    org_id = caller().org_id
    values, errors = submitted(SettingsForm)
    if errors:
        return tab(router_id, values=values, errors=errors)
    team_ids = values.pop("teams", [])
    try:
        with unit_of_work():
            router = routers.update(org_id, router_id, Changes(**values))
            routers.set_teams(org_id, router_id, team_ids)
    except AppError as error:
        return tab(router_id, values=_typed(), errors=form_errors(error))
    return go(url_for("router_settings.show", router_id=router_id), f"{router.name} is saved.")


@pages.post("/delete")
@require_admin
def delete(router_id: str) -> Response:
    """Delete the router, if its name was typed."""
    router = routers.get(caller().org_id, router_id)
    if request.form.get("confirm", "").strip() != router.name:
        return tab(router_id, errors={"confirm": ["type the router's name to delete it"]})
    with unit_of_work():
        routers.delete(caller().org_id, router_id)
    return go(url_for("router_pages.list_routers"), f"{router.name} is deleted.")


def _typed() -> dict[str, Any]:
    return {
        **request.form,
        "storePayloads": "storePayloads" in request.form,
        "teams": request.form.getlist("teams"),
    }


def tab(
    router_id: str,
    *,
    block: str = "settings",
    values: Any = None,
    errors: dict[str, list[str]] | None = None,
    **webhook: Any,
) -> Response:
    """The tab. ``values`` as they were typed and refused, else as they are stored.

    ``webhook``: what its card shows for once, such as a new secret.
    """
    org_id = caller().org_id
    router, ports = routers.get(org_id, router_id), routers.ports()
    url = router.configuration.webhook_url
    context = {
        "values": _stored(router) if values is None else values,
        "errors": errors or {},
        "has_webhook": bool(url),
        "webhook_url": url,
        "webhook_errors": {},
        "deliveries": ports.deliveries.newest(org_id, router_id, SHOWN_DELIVERIES),
    }
    return page(
        "router/settings.html",
        block=block,
        status=422 if errors or webhook.get("webhook_errors") else 200,
        router=router,
        tab="settings",
        prompts=ports.prompts.names(org_id),
        budgets=ports.allowances.budgets(org_id, router_id),
        limits=ports.allowances.limits(org_id, router_id),
        teams={**ports.teams.names(org_id), **routers.team_names(org_id, router_id)},
        **{**context, **webhook},
    )


def _stored(router: Any) -> dict[str, Any]:
    return {
        "name": router.name,
        "description": router.description,
        "promptId": router.configuration.prompt_id or "",
        "storePayloads": router.configuration.store_payloads,
        "teams": [access.team_id for access in router.accesses],
    }
