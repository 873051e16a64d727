"""Single sign-on in a browser: the way to a provider and back, and the page of the providers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask import session as cookie

from hyperstrate.auth.pages import browser
from hyperstrate.auth.pages.sign_in import destination, public_url
from hyperstrate.auth.people import teams
from hyperstrate.auth.schemas.sso import CreateMapping, ProviderForm
from hyperstrate.auth.sso import groups as sso_groups
from hyperstrate.auth.sso import providers as sso
from hyperstrate.auth.sso import sign_in
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, Forbidden, NotFound
from hyperstrate.shared.guards import MAX_ID_LENGTH, caller, public, require_admin
from hyperstrate.shared.web import form_errors, go, page, submitted

flow = Blueprint("sso_flow", __name__, url_prefix="/auth/sso")
pages = Blueprint("sso_pages", __name__, url_prefix="/app/sso")
MAX_TICKETS = 3


@flow.get("/<provider_id>/start")
@public
def start(provider_id: str) -> Response:
    """Send the browser to the provider."""
    if len(provider_id) > MAX_ID_LENGTH or not provider_id.isprintable():
        return _refusal(NotFound("this way to sign in does not exist"))
    try:
        begun = sign_in.start(provider_id, redirect_uri=redirect_uri(), goal=destination())
    except AppError as error:
        return _refusal(error)
    kept = list(_tickets().items())[1 - MAX_TICKETS :]
    cookie["sso"] = {**dict(kept), begun.state: begun.ticket}
    return go(begun.url)


@flow.get("/callback")
@public
def callback() -> Response:
    """Take the provider's answer, sign the browser in, and go where one wanted to go."""
    answer = {name: text for name, text in request.args.items() if text.isprintable()}
    tickets = _tickets()
    try:
        arrival = sign_in.finish(
            answer, tickets, redirect_uri=redirect_uri(), device=browser.device()
        )
    except AppError as error:
        cookie["sso"] = {
            state: kept for state, kept in tickets.items() if state != answer.get("state")
        }
        return _refusal(error)
    browser.enter(arrival.session.id)
    return go(arrival.goal)


def redirect_uri() -> str:
    """The address to which every provider sends people back."""
    return f"{public_url()}{url_for('sso_flow.callback')}"


def _tickets() -> dict[str, str]:
    """The sign-ins that this browser began, the oldest first."""
    kept = cookie.get("sso")
    return dict(kept) if isinstance(kept, dict) else {}


def _refusal(error: AppError) -> Response:
    return page("auth/sso_refused.html", status=error.status, message=error.message)


@pages.get("")
@require_admin
def show() -> Response:
    """The providers, and what their groups mean."""
    return _show()


@pages.post("/required")
@require_admin
def require() -> Response:
    """Close the door to passwords, or open it again."""
    is_required = request.form.get("isRequired") == "true"
    try:
        with unit_of_work():
            sso.require(caller().org_id, is_required=is_required)
    except AppError as error:
        return _show(refused=error.message, status=error.status)
    door = "closed to passwords" if is_required else "open to passwords again"
    return go(url_for("sso_pages.show"), f"The organization is {door}.")


@pages.post("/mappings")
@require_admin
def add_mapping() -> Response:
    """Let a group mean a team, a role, or both."""
    values, errors = submitted(CreateMapping)
    if errors:
        return _show(errors=errors, status=400)
    try:
        with unit_of_work():
            sso_groups.add(caller().org_id, **values)
    except AppError as error:
        return _show(errors=form_errors(error), status=error.status)
    return go(url_for("sso_pages.show"), "The group is mapped from the next sign-in on.")


@pages.post("/mappings/<mapping_id>/delete")
@require_admin
def delete_mapping(mapping_id: str) -> Response:
    """Forget a mapping."""
    with unit_of_work():
        sso_groups.delete(caller().org_id, mapping_id)
    return go(url_for("sso_pages.show"), "The mapping was deleted.")


@pages.get("/new")
@require_admin
def new() -> Response:
    """The form of a new provider."""
    return _form({"type": request.args.get("type", "oidc"), "defaultRole": "member"})


@pages.post("/new")
@require_admin
def add() -> Response:
    """Add a provider."""
    values, errors = submitted(ProviderForm)
    if errors:
        return _form(request.form, errors=errors, status=400)
    is_of_installation = values.pop("is_of_installation")
    if is_of_installation and not caller().is_platform_admin:
        raise Forbidden("only a platform admin may add a provider of the installation")
    values["is_enabled"] = True
    try:
        with unit_of_work():
            row = sso.add(caller().org_id, values, is_of_installation=is_of_installation)
    except AppError as error:
        return _form(request.form, errors=form_errors(error), status=error.status)
    return go(url_for("sso_pages.edit", provider_id=row.id), "The provider was added. Test it.")


@pages.get("/<provider_id>")
@require_admin
def edit(provider_id: str) -> Response:
    """One provider."""
    return _edit(_own(provider_id))


@pages.post("/<provider_id>")
@require_admin
def save(provider_id: str) -> Response:
    """Change a provider."""
    row = _own(provider_id)
    values, errors = submitted(ProviderForm)
    if errors:
        return _form(request.form, row=row, errors=errors, status=400)
    values.pop("is_of_installation")
    try:
        with unit_of_work():
            sso.change(
                caller().org_id, row.id, values, is_platform_admin=caller().is_platform_admin
            )
    except AppError as error:
        return _form(request.form, row=row, errors=form_errors(error), status=error.status)
    return go(url_for("sso_pages.edit", provider_id=provider_id), "The provider was saved.")


@pages.post("/<provider_id>/test")
@require_admin
def test(provider_id: str) -> Response:
    """Ask the provider what it says of itself."""
    row = _own(provider_id)
    try:
        found = sso.probe(caller().org_id, row.id, is_platform_admin=caller().is_platform_admin)
    except AppError as error:
        return _edit(row, failure=error.message, status=error.status)
    return _edit(row, found=found, is_tested=True)


@pages.post("/<provider_id>/delete")
@require_admin
def delete(provider_id: str) -> Response:
    """Delete a provider whose name was typed."""
    row = _own(provider_id)
    if request.form.get("confirm", "").strip() != row.name:
        return _edit(row, failure="The name did not match; nothing was deleted.", status=400)
    try:
        with unit_of_work():
            sso.delete(caller().org_id, row.id, is_platform_admin=caller().is_platform_admin)
    except AppError as error:
        return _edit(row, failure=error.message, status=error.status)
    return go(url_for("sso_pages.show"), "The provider was deleted.")


def _own(provider_id: str) -> Any:
    return sso.get(caller().org_id, provider_id, is_platform_admin=caller().is_platform_admin)


def _show(*, status: int = 200, **context: Any) -> Response:
    """The list; ``errors`` of the form of mappings, ``refused`` says why not."""
    org_id = caller().org_id
    ending = sso.password_sessions(org_id)
    return page(
        "auth/sso.html",
        status=status,
        providers=sso.find(org_id, is_platform_admin=caller().is_platform_admin),
        of_environment=sso.of_environment(),
        mappings=sso_groups.find(org_id),
        teams=teams.names(org_id),
        is_required=sso.is_required(org_id),
        ending=len(ending),
        is_own_ending=caller().session_id in ending,
        redirect_uri=redirect_uri(),
        typed=request.form,
        **context,
    )


def _edit(row: Any, *, status: int = 200, **context: Any) -> Response:
    typed = {
        "type": row.kind,
        "name": row.name,
        "issuer": row.issuer,
        "clientId": row.client_id,
        "scopes": row.scopes,
        "groupsClaim": row.groups_claim,
        "domains": "\n".join(row.domains),
        "defaultRole": row.default_role,
        "isEnabled": row.is_enabled,
    }
    return _form(typed, row=row, status=status, **context)


def _form(typed: Any, *, row: Any = None, status: int = 200, **context: Any) -> Response:
    """The form of a provider; ``found``: what it said of itself, ``failure``: why it did not."""
    return page(
        "auth/sso_provider.html",
        status=status,
        typed=typed,
        row=row,
        redirect_uri=redirect_uri(),
        sign_out_uri=f"{public_url()}{url_for('auth_pages.sign_in')}",
        **context,
    )
