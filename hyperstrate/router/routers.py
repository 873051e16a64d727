"""Routers, as people set them up: create, edit, activate, delete, and who may use them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Select, func, or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from hyperstrate.events import RouterDeleted, router_deleted
from hyperstrate.router import webhooks
from hyperstrate.router.models import (
    Router,
    RouterConfiguration,
    RouterTarget,
    RouterTeamAccess,
)
from hyperstrate.router.ports import Ports
from hyperstrate.router.strategies import STRATEGIES
from hyperstrate.router.strategies.percentage import check_percentages
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import after_commit, session
from hyperstrate.shared.errors import BadRequest, Conflict, NotFound, Unprocessable
from hyperstrate.shared.pagination import Page, paginate

STATUSES = ("draft", "active", "inactive")
ORDERS = {
    "name": (func.lower(Router.name),),
    "-name": (func.lower(Router.name).desc(),),
    "status": (Router.status, func.lower(Router.name)),
    "-status": (Router.status.desc(), func.lower(Router.name)),
}
_ports: Ports | None = None


def use(ports: Ports) -> None:
    """Whom to ask about models, prompts and teams."""
    global _ports
    _ports = ports


def ports() -> Ports:
    """The module's ports, once it is registered."""
    assert _ports is not None, "router.register was not called"
    return _ports


def changed() -> None:
    """Every process builds its plans anew after this unit of work."""
    bump("plans")


def save() -> None:
    """Write what was changed. Raises Conflict when somebody else was quicker."""
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict("somebody changed this at the same moment; try again") from error
    changed()


def find(org_id: str, *, query: str = "", page: int = 1, per_page: int = 30) -> Page[Router]:
    """Routers, newest first; ``query`` is looked for in id, name and description."""
    rows = _matching(org_id, query).order_by(Router.id.desc())
    return paginate(rows, page=page, per_page=per_page)


def listing(org_id: str, *, query: str = "", sort: str = "", page: int = 1) -> Page[Router]:
    """Routers with their parts: by ``sort``, a key of ORDERS, else newest first."""
    rows = _matching(org_id, query).order_by(*ORDERS.get(sort, ()), Router.id.desc())
    parts = (Router.targets, Router.features, Router.interceptors)
    return paginate(rows.options(*map(selectinload, parts)), page=page)


def _matching(org_id: str, query: str) -> Select[Router]:
    rows = select(Router).where(Router.org_id == org_id)
    if not query:
        return rows
    columns = (Router.id, Router.name, Router.description)
    return rows.where(or_(*(column.icontains(query, autoescape=True) for column in columns)))


def get(org_id: str, router_id: str) -> Router:
    """Raises NotFound."""
    found = session.scalar(select(Router).where(Router.org_id == org_id, Router.id == router_id))
    if found is None:
        raise NotFound("router not found")
    return found


def locked(org_id: str, router_id: str) -> Router:
    """The router, which nobody else changes until this unit of work ends. Raises NotFound.

    To write its row, even as it is, locks the row in PostgreSQL and the whole database in SQLite.
    What this session has read before may be old by then: it is read again.
    """
    own = (Router.org_id == org_id, Router.id == router_id)
    session.execute(
        sql_update(Router)
        .where(*own)
        .values(modified_at=Router.modified_at)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    return get(org_id, router_id)


def exists(org_id: str, router_id: str) -> bool:
    query = select(Router.id).where(Router.org_id == org_id, Router.id == router_id)
    return session.scalar(query) is not None


def names(org_id: str, router_ids: Iterable[str] | None = None) -> dict[str, str]:
    """id -> name, by name: of those of ``router_ids`` that exist; without ids, of all."""
    query = select(Router.id, Router.name).where(Router.org_id == org_id).order_by(Router.name)
    if router_ids is not None:
        query = query.where(Router.id.in_(list(router_ids)))
    return {row.id: row.name for row in session.execute(query)}


def with_prompt(org_id: str, prompt_id: str) -> list[str]:
    """The names of the routers that use the prompt, themselves or for a target; by name."""
    by_target = select(RouterTarget.router_id).where(RouterTarget.prompt_id == prompt_id)
    uses = or_(RouterConfiguration.prompt_id == prompt_id, Router.id.in_(by_target))
    query = select(Router.name).join(RouterConfiguration).where(Router.org_id == org_id, uses)
    return list(session.scalars(query.order_by(Router.name)))


class ActiveRouter(NamedTuple):
    """A router that answers; ``team_ids``: the teams that may use it, none: everybody."""

    id: str
    name: str
    team_ids: set[str]


def active(org_id: str) -> list[ActiveRouter]:
    """The active routers, by name."""
    query = (
        select(Router.id, Router.name, RouterTeamAccess.team_id)
        .join(RouterTeamAccess, isouter=True)
        .where(Router.org_id == org_id, Router.status == "active")
        .order_by(Router.name)
    )
    found: dict[str, ActiveRouter] = {}
    for id_, name, team_id in session.execute(query):
        router = found.setdefault(id_, ActiveRouter(id_, name, set()))
        router.team_ids.update([team_id] if team_id else [])
    return list(found.values())


def create(
    org_id: str,
    name: str,
    *,
    strategy: str,
    description: str = "",
    prompt_id: str | None = None,
    store_payloads: bool = False,
    webhook_url: str = "",
) -> Router:
    """A new router, as a draft. Raises BadRequest, Conflict, NotFound."""
    _check_strategy(strategy)
    _check_name(org_id, name)
    _check_prompt(org_id, prompt_id)
    router = Router(org_id=org_id, name=name, strategy=strategy, description=description)
    router.configuration = RouterConfiguration(
        prompt_id=prompt_id or None, store_payloads=store_payloads
    )
    webhooks.set_url(router.configuration, webhook_url, ports().rules)
    session.add(router)
    save()
    return router


@dataclass(frozen=True)
class Changes:
    """What an edit changes; None leaves as it is, ``prompt_id`` and ``webhook_url`` "" clear."""

    name: str | None = None
    description: str | None = None
    status: str | None = None
    strategy: str | None = None
    prompt_id: str | None = None
    store_payloads: bool | None = None
    webhook_url: str | None = None


def update(org_id: str, router_id: str, changes: Changes) -> Router:
    """Raises BadRequest, Conflict, NotFound, and Unprocessable when it could not run as active."""
    router = locked(org_id, router_id)
    if changes.name is not None and changes.name != router.name:
        _check_name(org_id, changes.name)
        router.name = changes.name
    if changes.description is not None:
        router.description = changes.description
    if changes.strategy is not None:
        _check_strategy(changes.strategy)
        router.strategy = changes.strategy
    if changes.status is not None:
        _check_status(changes.status)
        router.status = changes.status
    _configure(org_id, router, changes)
    check_runnable(router)
    save()
    return router


def _configure(org_id: str, router: Router, changes: Changes) -> None:
    if changes.prompt_id is not None:
        _check_prompt(org_id, changes.prompt_id)
        router.configuration.prompt_id = changes.prompt_id or None
    if changes.store_payloads is not None:
        router.configuration.store_payloads = changes.store_payloads
    if changes.webhook_url is not None:
        webhooks.set_url(router.configuration, changes.webhook_url, ports().rules)


def delete(org_id: str, router_id: str) -> None:
    """Raises NotFound."""
    session.delete(get(org_id, router_id))
    save()
    after_commit(lambda: router_deleted.emit(RouterDeleted(org_id, router_id)))


def check_runnable(router: Router) -> None:
    """An active router must be able to answer. Raises Unprocessable."""
    if router.status != "active":
        return
    enabled = [target for target in router.targets if target.is_enabled]
    if not enabled:
        raise Unprocessable("an active router needs at least one enabled target")
    if router.strategy == "percentage":
        complaint = check_percentages([target.percentage for target in enabled])
        if complaint:
            raise Unprocessable(complaint)


def accesses(org_id: str, router_id: str) -> list[RouterTeamAccess]:
    return get(org_id, router_id).accesses


def grant(org_id: str, router_id: str, team_id: str) -> None:
    """Let a team use the router; granting twice is granting once. Raises NotFound."""
    router = get(org_id, router_id)
    if not ports().teams.exists(org_id, team_id):
        raise NotFound("team not found")
    if all(access.team_id != team_id for access in router.accesses):
        router.accesses.append(RouterTeamAccess(team_id=team_id, org_id=org_id))
        save()


def revoke(org_id: str, router_id: str, team_id: str) -> None:
    """Raises NotFound."""
    router = get(org_id, router_id)
    found = next((access for access in router.accesses if access.team_id == team_id), None)
    if found is None:
        raise NotFound("this team has no access to the router")
    router.accesses.remove(found)
    save()


def set_teams(org_id: str, router_id: str, team_ids: Collection[str]) -> None:
    """Let these teams use the router and no others; none: everybody. Raises NotFound."""
    present = {access.team_id for access in accesses(org_id, router_id)}
    for team_id in present.difference(team_ids):
        revoke(org_id, router_id, team_id)
    for team_id in team_ids:
        if team_id not in present:
            grant(org_id, router_id, team_id)


def team_names(org_id: str, router_id: str) -> dict[str, str]:
    """id -> name of the teams that may use it. One that was deleted still keeps others out."""
    known = ports().teams.names(org_id)
    team_ids = [access.team_id for access in accesses(org_id, router_id)]
    return {team_id: known.get(team_id, "A deleted team") for team_id in team_ids}


def _check_strategy(strategy: str) -> None:
    if strategy not in STRATEGIES:
        complaint = f"must be one of: {' '.join(STRATEGIES)}"
        raise BadRequest("validation failed", fields={"strategy": [complaint]})


def _check_status(status: str) -> None:
    if status not in STATUSES:
        complaint = f"must be one of: {' '.join(STATUSES)}"
        raise BadRequest("validation failed", fields={"status": [complaint]})


def _check_name(org_id: str, name: str) -> None:
    taken = select(Router.id).where(Router.org_id == org_id, Router.name == name)
    if session.scalar(taken) is not None:
        complaint = "a router of this name exists already"
        raise Conflict(complaint, fields={"name": [complaint]})


def _check_prompt(org_id: str, prompt_id: str | None) -> None:
    if prompt_id:
        ports().prompts.load(org_id, prompt_id)
