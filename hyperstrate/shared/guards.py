"""Who is calling, and who may come in: asked of the auth module through a Protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, Protocol, TypeVar, cast

from flask import current_app, g, redirect, request, url_for

from hyperstrate.shared.errors import BadRequest, Forbidden, Unauthorized

F = TypeVar("F", bound=Callable[..., Any])
MAX_ID_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling. ``router_id``: the only router a bound key opens; empty: any of the org."""

    org_id: str
    kind: Literal["session", "api_key"]
    user_id: str = ""
    email: str = ""
    role: str = ""
    key_id: str = ""
    router_id: str = ""
    team_ids: tuple[str, ...] = ()
    is_global: bool = True

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


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


def caller() -> Caller:
    """Who is calling, inside a guarded view."""
    return cast(Caller, g.caller)


def identify() -> Caller:
    """Who is calling. Raises Unauthorized."""
    identity: Identity = current_app.extensions["identity"]
    credential = credential_of(request.headers)
    found = identity.from_credential(credential) if credential else identity.from_browser()
    if found is None:
        raise Unauthorized("sign in, or send an API key")
    g.caller = found
    return found


def _guard(name: str, check: Callable[[Caller], None]) -> Callable[[F], F]:
    def decorate(view: F) -> F:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                check(identify())
            except Unauthorized:
                if wants_page():
                    return redirect(url_for("auth_pages.sign_in", next=_way_back()))
                raise
            _check_ids(kwargs)
            return view(*args, **kwargs)

        guarded.guard = name  # type: ignore[attr-defined]
        return cast(F, guarded)

    return decorate


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
    if not found.is_admin:
        raise Forbidden("only an admin may do this")


def _is_anyone(found: Caller) -> None:
    """A key or a person: both may call a model."""


require_session = _guard("session", _is_person)
require_admin = _guard("admin", _is_admin)
require_inference = _guard("inference", _is_anyone)


def public(view: F) -> F:
    """Marks a view that anybody may call; the access test lists them."""
    view.guard = "public"  # type: ignore[attr-defined]
    return view


def inference_in_proxy(view: F) -> F:
    """Marks a view whose key or session the proxy checks, so that refusals are in the dialect."""
    view.guard = "inference"  # type: ignore[attr-defined]
    return view
