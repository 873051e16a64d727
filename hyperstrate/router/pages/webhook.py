"""The webhook on the Settings tab: its address and secret, a test, and what was sent lately."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, request, url_for

from hyperstrate.router import routers, webhooks
from hyperstrate.router.pages.forms import WebhookForm
from hyperstrate.router.pages.settings import tab
from hyperstrate.router.routers import Changes
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import form_errors, go, is_htmx, submitted

pages = Blueprint("router_webhook", __name__, url_prefix="/app/routers/<router_id>/webhook")


@pages.post("")
@require_admin
def save(router_id: str) -> Response:
    """Set the address; the first one brings a secret, which is shown this once."""
    org_id = caller().org_id
    values, errors = submitted(WebhookForm)
    if errors:
        return _card(router_id, webhook_errors=errors)
    had_one = bool(routers.get(org_id, router_id).configuration.webhook_url)
    try:
        with unit_of_work():
            routers.update(org_id, router_id, Changes(webhook_url=values["webhook_url"]))
    except AppError as error:
        return _card(router_id, webhook_errors=form_errors(error))
    if had_one:
        return _go_on(router_id, "The address of the webhook is saved.")
    return _card(router_id, secret=webhooks.webhook(org_id, router_id).secret)


@pages.post("/rotate")
@require_admin
def rotate(router_id: str) -> Response:
    """Make a new secret and show it, this once."""
    with unit_of_work():
        webhook = webhooks.rotate_secret(caller().org_id, router_id)
    return _card(router_id, secret=webhook.secret)


@pages.post("/test")
@require_admin
def test(router_id: str) -> Response:
    """Send a test now, and say what became of it."""
    tried = routers.ports().deliveries.send_test(caller().org_id, router_id)
    if is_htmx():
        return _card(router_id, tried=tried)
    if tried.is_success:
        return _go_on(router_id, f"The test was taken: the receiver answered {tried.status_code}.")
    flash(f"The test was not taken: {tried.error}.", "error")
    return _go_on(router_id)


@pages.post("/remove")
@require_admin
def remove(router_id: str) -> Response:
    """Tell nobody any more."""
    with unit_of_work():
        routers.update(caller().org_id, router_id, Changes(webhook_url=""))
    return _go_on(router_id, "The webhook is removed.")


def _go_on(router_id: str, message: str = "") -> Response:
    return go(url_for("router_settings.show", router_id=router_id, _anchor="webhook"), message)


def _card(router_id: str, **context: Any) -> Response:
    """The card: ``secret`` in clear, ``tried`` a test, ``webhook_errors`` of the form."""
    is_wrong = "webhook_errors" in context
    typed: dict[str, Any] = {"webhook_url": request.form.get("webhookUrl", "")} if is_wrong else {}
    return tab(router_id, block="webhook", **typed, **context)
