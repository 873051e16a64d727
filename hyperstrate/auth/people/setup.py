"""The first run: a one-time token opens set-up, which makes the organization and its admin."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path

from marshmallow import ValidationError

from hyperstrate.auth.models import Organization, User
from hyperstrate.auth.people import directory, organizations, teams
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.schemas.people import SetupBody
from hyperstrate.config import Config
from hyperstrate.shared import audit
from hyperstrate.shared.cache import CacheVersion
from hyperstrate.shared.db import after_commit, insert, session
from hyperstrate.shared.errors import BadRequest, Conflict, Unauthorized

QUEUE = "set-up"


@dataclass(frozen=True, slots=True)
class Founding:
    """What set-up made."""

    organization: Organization
    admin: User


def is_required() -> bool:
    """Nobody was set up here yet."""
    return not organizations.any_exists()


def pending_token(config: Config) -> str | None:
    """The token that opens set-up; None, and forgotten, once that is done."""
    if is_required():
        return config.setup_token or _kept_token(_path(config))
    forget_token(config)
    return None


def forget_token(config: Config) -> None:
    """Remove the token from the disk."""
    _path(config).unlink(missing_ok=True)


def found(
    setup_token: str, *, org_name: str, name: str, email: str, password: str, address: str
) -> Founding:
    """Set this installation up. Raises Conflict, Unauthorized or TooManyRequests."""
    config = runtime().config
    runtime().throttle.attempt("set-up", address)
    expected = pending_token(config)
    if expected is None:
        raise _is_done()
    if not compare_digest(setup_token.encode(), expected.encode()):
        raise Unauthorized("the set-up token is wrong", fields={"setupToken": ["is wrong"]})
    after_commit(lambda: forget_token(config))
    founding = _establish(org_name=org_name, name=name, email=email, password=password)
    admin = founding.admin
    actor = audit.person(admin.id, admin.email, founding.organization.id)
    audit.log("set_up", object_type="user", object_id=admin.id, actor=actor)
    return founding


def bootstrap(org_name: str, email: str, password: str, *, name: str = "") -> Founding:
    """Set this installation up without a token. Raises BadRequest and Conflict."""
    given = {"orgName": org_name, "email": email, "password": password, "name": name or email}
    try:
        checked = SetupBody(exclude=["setup_token"]).load(given)
    except ValidationError as error:
        raise BadRequest("validation failed", fields=error.messages_dict) from None
    return _establish(**checked)


def _establish(*, org_name: str, name: str, email: str, password: str) -> Founding:
    """The first organization, its default team and its admin, who is platform admin too."""
    _queue()
    if not is_required():
        raise _is_done()
    organization = organizations.create(org_name)
    admin = directory.create_user(
        organization.id, email, name=name, role="admin", password=password, is_platform_admin=True
    )
    teams.add_member(organization.id, teams.default(organization.id).id, admin.id)
    return Founding(organization, admin)


def _queue() -> None:
    """Wait for another set-up that is under way: both write the same row of cache versions."""
    first = insert(CacheVersion).values(topic=QUEUE, version=1)
    later = {"version": CacheVersion.version + 1}
    session.execute(first.on_conflict_do_update(index_elements=["topic"], set_=later))


def _is_done() -> Conflict:
    return Conflict("set-up is done already; sign in")


def _path(config: Config) -> Path:
    return Path(config.spool_dir).parent / "setup-token"


def _kept_token(path: Path) -> str:
    """The token on disk. Of processes that make it at once, one's is taken, and whole."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(24), encoding="ascii")
        try:
            os.link(mine, path)
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return path.read_text(encoding="ascii")
