"""Who is calling, and who may come in: asked of the auth module through a Protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, Literal, Protocol, TypeVar, cast

import click
from flask import current_app, g, has_request_context, redirect, request, url_for

from hyperstrate.shared import audit
from hyperstrate.shared.errors import AppError, BadRequest, Forbidden, Unauthorized
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.key_rules import KeyRules

F = TypeVar("F", bound=Callable[..., Any])
MAX_ID_LENGTH = 100
#: Where everybody arrives; who may not see it goes to their account.
START = "/app"
READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling. ``router_id``: the only router a bound key opens; empty: any of the org.

    ``key_prefix`` says which of a key's secrets was sent. ``counts_on``: the virtual key on whose
    limits and budgets an API key counts as well.
    """

    org_id: str
    kind: Literal["session", "api_key", "virtual_key"]
    user_id: str = ""
    email: str = ""
    role: str = ""
    key_id: str = ""
    router_id: str = ""
    team_ids: tuple[str, ...] = ()
    is_global: bool = True
    session_id: str = ""
    is_platform_admin: bool = False
    key_prefix: str = ""
    counts_on: str = ""
    rules: KeyRules | None = None

    @property
    def api_key_id(self) -> str:
        return self.key_id if self.kind == "api_key" else ""

    @property
    def virtual_key_id(self) -> str:
        return self.key_id if self.kind == "virtual_key" else self.counts_on

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def is_viewer(self) -> bool:
        return self.role == "viewer"


class Identity(Protocol):
    """What the guards ask of auth."""

    def from_credential(self, credential: str) -> Caller:
        """The owner of an API key or session token. Raises Unauthorized."""

    def from_browser(self) -> Caller | None:
        """The person signed in by cookie, if any."""


def credential_of(headers: Any) -> str:
    """The key or token of a request: ``x-api-key`` first, else ``Authorization: Bearer``."""
    key: str = headers.get("x-api-key") or ""
    if key:
        return key.strip()
    scheme, _, token = (headers.get("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def credentials_of(headers: Any) -> list[str]:
    """Both, where a request brings two that differ, as SDKs do with a key and a token."""
    first, second = credential_of(headers), credential_of({**headers, "x-api-key": ""})
    return [first, second] if second and second != first else [first] * bool(first)


def caller() -> Caller:
    """Who is calling, inside a guarded view."""
    return cast(Caller, g.caller)


def acting() -> audit.Actor | None:
    """Who sent the present request or command, for the audit; None in the background."""
    if not has_request_context():
        command = click.get_current_context(silent=True)
        return audit.Actor("system", name=f"flask {command.info_name}") if command else None
    found: Caller | None = g.get("caller")
    place = {
        "address": request.remote_addr or "",
        "user_agent": request.user_agent.string,
        "request_id": request_id(),
    }
    if found is None:
        return audit.Actor("anonymous", **place)
    kind: audit.ActorKind = "person" if found.kind == "session" else "api_key"
    id, name = found.user_id or found.key_id, found.email or found.key_id
    return audit.Actor(kind, id, name, found.org_id, **place)


def note_refusal(status: int) -> None:
    """Audit a write that was refused or failed, and what somebody known may not see.

    Calls of models are no writes: they are logged elsewhere. Who said more about it already has
    said it.
    """
    is_write = request.method not in READING
    is_forbidden = status in (401, 403) and "caller" in g
    if status < 400 or not (is_write or is_forbidden) or request.endpoint is None:
        return
    view = current_app.view_functions[request.endpoint]
    if getattr(view, "guard", "") == "inference" or audit.has_refusals():
        return
    kind, object_id = next(reversed((request.view_args or {}).items()), ("", ""))
    audit.log(
        "request",
        object_type=kind.removesuffix("id").rstrip("_") or request.blueprint or "",
        object_id=str(object_id),
        outcome="failed" if status >= 500 else "refused",
        detail={
            "route": f"{request.method} {request.url_rule}",
            "status": status,
            "reason": g.get("refused_because") or HTTPStatus(status).phrase.lower(),
        },
    )


def request_id() -> str:
    """The id of the present request: what a proxy in front calls it, else one of our own."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-Id", "")
        is_fit = given.isascii() and given.isprintable() and len(given) <= MAX_ID_LENGTH
        g.request_id = given if given and is_fit else new_id("req")
    return str(g.request_id)


def can_write() -> bool:
    """What changes something is shown: to an admin, and on pages that ask nobody. For templates."""
    found: Caller | None = g.get("caller")
    return found is None or found.is_admin


def identify() -> Caller:
    """Who is calling. Raises Unauthorized."""
    found = caller_if_any()
    if found is None:
        raise Unauthorized("sign in, or send an API key")
    return found


def caller_if_any() -> Caller | None:
    """Who is calling a public view, if anybody says. Raises Unauthorized for a wrong credential."""
    identity: Identity = current_app.extensions["identity"]
    credential = credential_of(request.headers)
    found = identity.from_credential(credential) if credential else identity.from_browser()
    if found is not None:
        check_address(found, request.remote_addr or "")
        g.caller = found
    return found


def check_address(found: Caller, address: str) -> None:
    """Whether a key may be used from where it was sent. Raises Forbidden."""
    if found.rules is not None and not found.rules.trusts(address):
        raise Forbidden("this key may not be used from this address")


def check_inference(found: Caller) -> None:
    """Whether somebody may call models at all. Raises Forbidden."""
    if found.is_viewer:
        raise Forbidden("a viewer reads and does not call models")


def _guard(name: str, check: Callable[[Caller], None]) -> Callable[[F], F]:
    def decorate(view: F) -> F:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            with _remembered():
                try:
                    check(identify())
                except Unauthorized:
                    if wants_page():
                        return redirect(url_for("auth_pages.sign_in", next=_way_back()))
                    raise
                except Forbidden:
                    if request.path == START and request.method == "GET":
                        return redirect(url_for("account_pages.show"))
                    raise
                _check_ids(kwargs)
                return view(*args, **kwargs)

        guarded.guard = name  # type: ignore[attr-defined]
        return cast(F, guarded)

    return decorate


@contextmanager
def _remembered() -> Iterator[None]:
    """What a view raises is the reason that :func:`note_refusal` gives."""
    try:
        yield
    except AppError as error:
        g.refused_because = error.message
        raise


def _way_back() -> str | None:
    """Where to go on after signing in: only what a link can open."""
    return request.full_path.removesuffix("?") if request.method == "GET" else None


def _check_ids(view_args: dict[str, Any]) -> None:
    """Raises BadRequest for an id that no database should be asked for."""
    for name, value in view_args.items():
        if name.endswith("id") and not (len(value) <= MAX_ID_LENGTH and value.isprintable()):
            raise BadRequest(f"invalid {name}")


def wants_page() -> bool:
    """The request comes from a browser that reads pages, not from an API client."""
    return request.path == "/" or request.path.startswith("/app")


def _is_person(found: Caller) -> None:
    if found.kind != "session":
        raise Unauthorized("an API key cannot do this; sign in")


def _is_admin(found: Caller) -> None:
    _is_person(found)
    if found.is_viewer and request.method not in READING:
        raise Forbidden("a viewer reads and changes nothing")
    if not (found.is_admin or found.is_viewer):
        raise Forbidden("only an admin may do this")


def _is_admin_only(found: Caller) -> None:
    _is_person(found)
    if not found.is_admin:
        raise Forbidden("only an admin may do this")


def _is_platform_admin(found: Caller) -> None:
    _is_person(found)
    if not found.is_platform_admin:
        raise Forbidden("only a platform admin may do this")


#: A person, whatever the role.
require_session = _guard("session", _is_person)
#: An admin; a viewer too, where the view reads (GET, HEAD).
require_admin = _guard("admin", _is_admin)
#: An admin, also to read: what it gives is secret.
require_admin_only = _guard("admin_only", _is_admin_only)
#: Who manages the organisations of this installation.
require_platform_admin = _guard("platform_admin", _is_platform_admin)
#: A key or a person; a viewer calls no model.
require_inference = _guard("inference", check_inference)


def public(view: F) -> F:
    """Marks a view that anybody may call; the access test lists them."""
    view.guard = "public"  # type: ignore[attr-defined]
    return view


def inference_in_proxy(view: F) -> F:
    """Marks a view whose key or session the proxy checks, so that refusals are in the dialect."""
    view.guard = "inference"  # type: ignore[attr-defined]
    return view
