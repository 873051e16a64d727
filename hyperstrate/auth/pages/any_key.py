"""The page of one key, of whatever kind: its rules, its secrets, the end of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import Blueprint, Response, request, url_for
from marshmallow import Schema, fields, post_load

from hyperstrate.auth.books import budget_views, budgets
from hyperstrate.auth.keys.key_views import KeyView
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.schemas.keys import RotateKey
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.web import form_errors, go, page, submitted

OVERLAPS = (
    (1440, "for 24 hours"),
    (60, "for an hour"),
    (10080, "for 7 days"),
    (0, "not at all: it dies at once"),
)
UNUSED = (
    ("never", "Never used"),
    ("7", "Unused for 7 days"),
    ("30", "Unused for 30 days"),
    ("90", "Unused for 90 days"),
)
LOGGING = (("inherit", "as the router says"), ("on", "always"), ("off", "never"))


class Service(Protocol):
    """The services of a kind of key, as a module has them."""

    def get(self, org_id: str, key_id: str) -> KeyView: ...

    def change(self, org_id: str, key_id: str, changes: Mapping[str, Any]) -> KeyView: ...

    def rotate(
        self, org_id: str, key_id: str, *, overlap_minutes: int = 0, rotation_id: str = ""
    ) -> KeyView: ...

    def finish_rotation(self, org_id: str, key_id: str) -> KeyView: ...

    def delete(self, org_id: str, key_id: str) -> None: ...


class FormOfKey(Schema):
    """A posted form: numbers come as text, and an empty date is never."""

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        super().on_bind_field(field_name, field_obj)
        if isinstance(field_obj, fields.Integer):
            field_obj.strict = False

    @post_load
    def _end(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"expires_at": None, **values}


class KeyPages:
    """One key's page with all that is done there, for the keys of one service."""

    def __init__(
        self,
        pages: Blueprint,
        service: Service,
        form: type[FormOfKey],
        context: Callable[[KeyView], dict[str, Any]],
    ) -> None:
        """``context``: what pages of this kind show besides; its ``values`` are the form's."""
        self._name, self._service, self._form, self._context = pages.name, service, form, context
        self._add(pages, "", self.show_key, "GET")
        self._add(pages, "", self.change)
        for action in (self.rotate, self.finish_rotation, self.enable, self.disable, self.delete):
            self._add(pages, "/" + action.__name__.replace("_", "-"), action)

    def _add(
        self, pages: Blueprint, path: str, view: Callable[[str], Response], method: str = "POST"
    ) -> None:
        pages.add_url_rule(f"/<key_id>{path}", view_func=require_admin(view), methods=[method])

    def show_key(self, key_id: str) -> Response:
        """One key: what it may, its secrets, its limits and budgets."""
        return self._show(key_id)

    def change(self, key_id: str) -> Response:
        """Change its name, its end, its ceilings and its rules."""
        values, errors = submitted(self._form)
        if errors:
            return self._show(key_id, errors=errors, typed=values, status=400)
        before, chosen = self._own(key_id).key.expires_at, values["expires_at"]
        if before and chosen and before.date() == chosen.date():
            del values["expires_at"]  # the form knows no time of day
        try:
            with unit_of_work():
                self._service.change(caller().org_id, key_id, values)
        except AppError as error:
            return self._show(key_id, errors=form_errors(error), status=error.status)
        return self._back(key_id, "Saved. Every process knows it within a second.")

    def rotate(self, key_id: str) -> Response:
        """Give it a new secret and show that, this once."""
        values, errors = submitted(RotateKey)
        if errors:
            return self._show(key_id, errors=errors, status=400)
        self._own(key_id)
        try:
            with unit_of_work():
                view = self._service.rotate(caller().org_id, key_id, **values)
        except AppError as error:
            return self._show(key_id, refused=error.message, status=error.status)
        if not view.plaintext:
            return self._back(key_id, "It was rotated already; its secret was shown then.")
        return self._show(key_id, view=view)

    def finish_rotation(self, key_id: str) -> Response:
        """End the overlap."""
        with unit_of_work():
            self._service.finish_rotation(caller().org_id, key_id)
        return self._back(key_id, "The old secret is dead.")

    def enable(self, key_id: str) -> Response:
        """Let it in again."""
        return self._switch(key_id, is_enabled=True)

    def disable(self, key_id: str) -> Response:
        """Keep it out, until it is enabled."""
        return self._switch(key_id, is_enabled=False)

    def delete(self, key_id: str) -> Response:
        """Delete it, when its name was typed."""
        if request.form.get("confirm", "").strip() != self._own(key_id).key.name:
            refused = "The name did not match; the key was not deleted."
            return self._show(key_id, refused=refused, status=400)
        try:
            with unit_of_work():
                self._service.delete(caller().org_id, key_id)
        except AppError as error:
            return self._show(key_id, refused=error.message, status=error.status)
        return go(url_for(f"{self._name}.show"), "The key was deleted.")

    def _own(self, key_id: str) -> KeyView:
        return self._service.get(caller().org_id, key_id)

    def _switch(self, key_id: str, *, is_enabled: bool) -> Response:
        with unit_of_work():
            self._service.change(caller().org_id, key_id, {"is_enabled": is_enabled})
        return self._back(key_id, f"The key is {'enabled' if is_enabled else 'disabled'}.")

    def _back(self, key_id: str, message: str) -> Response:
        return go(url_for(f"{self._name}.show_key", key_id=key_id), message)

    def _show(
        self,
        key_id: str,
        *,
        status: int = 200,
        view: KeyView | None = None,
        typed: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Response:
        """The page; ``errors`` of its form with what was ``typed``, ``refused`` says why not."""
        view = view or self._own(key_id)
        context = self._context(view)
        values = _values(view) | context.pop("values") if typed is None else _typed(typed)
        shown = {"errors": {}, **_shown(view), **context, "values": values, **more}
        return page("auth/key.html", status=status, pages_name=self._name, **shown)


def public_url() -> str:
    """The address of the gateway, for the snippets beside a new secret."""
    public = runtime().config.api_public_url
    return public or request.host_url.rstrip("/")


def _shown(view: KeyView) -> dict[str, Any]:
    key = view.key
    found = budgets.find(key.org_id, scope=key.__audit__, scope_id=key.id)
    return {
        "view": view,
        "issued": view if view.plaintext else None,
        "budgets": budget_views.of_all(found.items) if found.items else [],
        "overlaps": OVERLAPS,
        "logging": LOGGING,
        "routers": runtime().routers.names(key.org_id),
        "base_url": public_url(),
    }


def _values(view: KeyView) -> dict[str, Any]:
    """What stands in the fields of the form."""
    key = view.key
    return {
        "name": key.name,
        "description": key.description,
        "expiresAt": f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "",
        "allowedRouters": key.allowed_routers,
        "allowedModels": "\n".join(key.allowed_models),
        "deniedModels": "\n".join(key.denied_models),
        "allowedNetworks": "\n".join(key.allowed_networks),
        "contentLogging": key.content_logging,
    }


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The form as it was sent and refused; lists stand in lines."""
    return {
        name: "\n".join(value) if isinstance(value, list) and name != "allowedRouters" else value
        for name, value in values.items()
    }
