"""Whose limits and budgets a request falls under."""

from __future__ import annotations

from typing import Literal, NamedTuple

ScopeKind = Literal["organization", "team", "router", "api_key", "virtual_key"]
SCOPE_KINDS: tuple[ScopeKind, ...] = ("organization", "team", "router", "api_key", "virtual_key")


class Scopes(NamedTuple):
    """The ids of a request, one for each kind of scope; empty where it has none."""

    organization: str
    team: str = ""
    router: str = ""
    api_key: str = ""
    virtual_key: str = ""

    def pairs(self) -> list[tuple[ScopeKind, str]]:
        """(kind, id) of each scope that the request has."""
        return [(kind, id_) for kind, id_ in zip(SCOPE_KINDS, self, strict=True) if id_]
