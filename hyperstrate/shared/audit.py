"""What people and keys did: said here, silent until a module that keeps it connects.

What succeeded is kept in the transaction that it belongs to, or not at all; what was refused is
kept once the request or command is over, whatever became of its transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from hyperstrate.shared.db import now, session
from hyperstrate.shared.logging import mask

Outcome = Literal["success", "refused", "failed"]
ActorKind = Literal["person", "api_key", "anonymous", "system"]
Keeper = Callable[[Session, Sequence["Entry"]], None]
HIDDEN = "***"
LONGEST_TEXT = 2000
_WAITING, _LATER = "audit", "audit_later"
_SECRET_NAME = re.compile(
    r"authorization|api[-_]?key(?![-_]?id)|secret|password|token(?!s)|cookie", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, and from where. ``name``: an e-mail, a key's name or a command."""

    kind: ActorKind
    id: str = ""
    name: str = ""
    org_id: str = ""
    address: str = ""
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done or refused. ``detail`` is JSON and has no secret."""

    action: str
    actor: Actor
    org_id: str = ""
    object_type: str = ""
    object_id: str = ""
    outcome: Outcome = "success"
    detail: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=now)


_SYSTEM = Actor("system")
_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)
_keepers: list[Keeper] = []
_askers: list[Callable[[], Actor | None]] = []


def connect(keeper: Keeper) -> None:
    """Give ``keeper`` what happened, inside the transaction in which it happened.

    When ``keeper`` fails, that transaction fails.
    """
    _keepers[:] = [keeper]


def is_kept() -> bool:
    """Somebody listens."""
    return bool(_keepers)


def keep(unit: Session, entries: Sequence[Entry]) -> None:
    """Write ``entries`` in the transaction of ``unit``."""
    for keeper in _keepers:
        keeper(unit, entries)


def ask_who(asker: Callable[[], Actor | None]) -> None:
    """Ask ``asker`` who is acting: the edge knows, while it answers a request."""
    _askers[:] = [asker]


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """What happens inside is done by ``actor``: a command, or a job in the background."""
    token = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(token)


def who() -> Actor:
    """Who is acting now; the system, when nobody else is."""
    asked = (ask() for ask in _askers)
    return _acting.get() or next(filter(None, asked), None) or _SYSTEM


def person(user_id: str, email: str, org_id: str = "") -> Actor:
    """Somebody who has just proved who they are, from where the present request comes."""
    return replace(who(), kind="person", id=user_id, name=email, org_id=org_id)


def log(
    action: str,
    *,
    org_id: str = "",
    object_type: str = "",
    object_id: str = "",
    outcome: Outcome = "success",
    detail: Mapping[str, Any] | None = None,
    actor: Actor | None = None,
) -> None:
    """Keep that ``action`` (a verb: sign_in, revoke, rotate, export) was done, or refused.

    ``org_id``: whose books it stands in; left out, the actor's, else the installation's. An action
    on an object that the same unit of work changes takes the place of the automatic "update", with
    its before and after. ``actor``: left out, whoever sent the present request.
    """
    if not _keepers:
        return
    by = actor or who()
    entry = Entry(
        action.removeprefix(f"{object_type}."),
        by,
        org_id=org_id or by.org_id,
        object_type=object_type,
        object_id=object_id,
        outcome=outcome,
        detail={name: clean(name, value) for name, value in (detail or {}).items()},
    )
    session.info.setdefault(_WAITING if outcome == "success" else _LATER, []).append(entry)


def refused_sign_in(email: str, method: str, reason: str, *, org_id: str = "") -> None:
    """Keep that somebody could not sign in. People type passwords into the wrong field: what is
    no e-mail is not kept."""
    account = email.strip().lower()[:255] if "@" in email else ""
    detail = {"email": account, "method": method, "reason": reason}
    actor = replace(who(), kind="anonymous", id="", name=account, org_id="")
    log(
        "sign_in",
        org_id=org_id,
        object_type="user",
        outcome="refused",
        detail=detail,
        actor=actor,
    )


def take_waiting(unit: Session) -> list[Entry]:
    """What succeeded in the present unit of work, and is not kept yet."""
    found: list[Entry] = unit.info.pop(_WAITING, [])
    return found


def take_later() -> list[Entry]:
    """What was refused, and is not kept yet, with what succeeded outside of a transaction."""
    if not session.registry.has():
        return []
    return [*session.info.pop(_LATER, []), *session.info.pop(_WAITING, [])]


def has_refusals() -> bool:
    """A refusal was said already, by whoever knows more about it."""
    return bool(session.registry.has() and session.info.get(_LATER))


def clean(name: str, value: Any) -> Any:
    """``value`` as JSON that people may read: secrets hidden, long texts cut."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean("", inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return _readable(str(value))


def _readable(text: str) -> str:
    if text.startswith(("http://", "https://")):
        text = _address(text)
    text = mask(text).encode("utf-8", "replace").decode()
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}… ({len(text)} characters)"


def _address(text: str) -> str:
    """An address without user, password and query."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + (f"?{HIDDEN}" if parts.query else "")
