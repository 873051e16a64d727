"""What the groups of an identity provider mean here: teams and roles, anew at every sign-in."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import delete as sql_delete
from sqlalchemy import select

from hyperstrate.auth.models import Membership, OIDCGroupMapping, Team, UserTeam
from hyperstrate.auth.people import directory, teams
from hyperstrate.auth.people.directory import Role
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import insert, session
from hyperstrate.shared.errors import BadRequest, Conflict, NotFound

RANKS: tuple[Role, ...] = ("viewer", "member", "admin")
MAX_TOLD = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """What groups did to a person's place; ``ignored`` map to nothing."""

    joined: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    role: str = ""
    ignored: list[str] = field(default_factory=list)
    remark: str = ""

    def detail(self) -> dict[str, Any]:
        """For the audit row: what there is to tell."""
        told = {
            "teams_joined": self.joined,
            "teams_left": self.left,
            "role": self.role,
            "groups_ignored": self.ignored[:MAX_TOLD],
            "remark": self.remark,
        }
        return {name: value for name, value in told.items() if value}


def find(org_id: str) -> list[OIDCGroupMapping]:
    """The organization's mappings, by group."""
    order = (OIDCGroupMapping.group_name, OIDCGroupMapping.id)
    own = select(OIDCGroupMapping).where(OIDCGroupMapping.org_id == org_id)
    return list(session.scalars(own.order_by(*order)))


def add(org_id: str, group_name: str, *, team_id: str = "", role: str = "") -> OIDCGroupMapping:
    """Let a group mean a team, a role, or both. Raises BadRequest, NotFound and Conflict."""
    if not team_id and not role:
        complaint = "choose a team or a role"
        raise BadRequest("validation failed", fields={"teamId": [complaint]})
    team = teams.get(org_id, team_id) if team_id else None
    for other in find(org_id):
        if (other.group_name, other.team_id or "", other.role) == (group_name, team_id, role):
            raise Conflict("this mapping exists already")
    mapping = OIDCGroupMapping(
        org_id=org_id, group_name=group_name, team_id=team.id if team else None, role=role
    )
    session.add(mapping)
    session.flush()
    return mapping


def delete(org_id: str, mapping_id: str) -> None:
    """Forget a mapping; its people leave the team at their next sign-in. Raises NotFound."""
    own = (OIDCGroupMapping.org_id == org_id, OIDCGroupMapping.id == mapping_id)
    mapping = session.scalar(select(OIDCGroupMapping).where(*own))
    if mapping is None:
        raise NotFound("group mapping not found")
    session.delete(mapping)
    session.flush()


def apply(
    org_id: str, user_id: str, groups: Collection[str] | None, *, default_role: str
) -> Outcome:
    """Bring a member's teams and role to what ``groups`` mean; None: they are not known.

    Only what came from a mapping goes with it. The last admin stays one. Raises NotFound.
    """
    member = directory.person(org_id, user_id)
    if groups is None:
        return Outcome(remark="the provider did not say all groups; teams and role are kept")
    mappings = [mapping for mapping in find(org_id) if mapping.group_name in groups]
    joined, left = _bring_teams(org_id, user_id, {m.team_id for m in mappings if m.team_id})
    role, remark = _bring_role(member, {m.role for m in mappings if m.role}, default_role)
    ignored = sorted(set(groups) - {mapping.group_name for mapping in mappings})
    return Outcome(joined, left, role, ignored, remark)


def _bring_teams(org_id: str, user_id: str, wanted: Collection[str]) -> tuple[list[str], list[str]]:
    """The names of the teams that were joined, and of those that were left."""
    places = select(UserTeam).join(Team, Team.id == UserTeam.team_id)
    own = session.scalars(places.where(Team.org_id == org_id, UserTeam.user_id == user_id)).all()
    joined = set(wanted) - {place.team_id for place in own}
    left = {place.team_id for place in own if place.is_mapped} - set(wanted)
    for team_id in sorted(joined):
        place = insert(UserTeam).values(user_id=user_id, team_id=team_id, is_mapped=True)
        session.execute(place.on_conflict_do_nothing())
    gone = (UserTeam.user_id == user_id, UserTeam.team_id.in_(left))
    session.execute(sql_delete(UserTeam).where(*gone))
    if joined or left:
        bump("teams")
    names = teams.names(org_id)
    return _named(joined, names), _named(left, names)


def _bring_role(member: Membership, roles: Collection[str], default: str) -> tuple[str, str]:
    """The new role, if it changed, and a remark, if it should have."""
    mapped = max(roles, key=RANKS.index) if roles else ""
    wanted = mapped or (default or "member" if member.is_role_mapped else member.role)
    if wanted == member.role:
        member.is_role_mapped = bool(mapped)
        session.flush()
        return "", ""
    try:
        directory.change(member.org_id, member.user_id, {"role": cast(Role, wanted)})
    except Conflict as error:
        return "", f"the role stays {member.role}: {error.message}"
    member.is_role_mapped = bool(mapped)
    session.flush()
    return wanted, ""


def _named(ids: Iterable[str], names: dict[str, str]) -> list[str]:
    return sorted(names.get(team_id, team_id) for team_id in ids)
