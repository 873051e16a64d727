"""Who may call what: what every route declares for every kind of caller, and the table of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from werkzeug.routing import Map

Who: TypeAlias = Literal[
    "nobody", "expired key", "API key", "member", "viewer", "admin", "other's admin", "platform"
]
Outcome: TypeAlias = Literal["in", "own", "sign in", "account", "401", "403", "404"]

CALLERS: Mapping[Who, str] = {
    "nobody": "sends no credential",
    "expired key": "an API key whose time is over",
    "API key": "a valid API key of a team of the organisation, for all its routers",
    "member": "a member of the organisation",
    "viewer": "a viewer of the organisation",
    "admin": "an admin of the organisation",
    "other's admin": "an admin of another organisation, who names what is this one's",
    "platform": "a platform admin who is a member of another organisation",
}
OUTCOMES: Mapping[Outcome, str] = {
    "in": "is let in",
    "own": "is let in, to what is the caller's own organisation's",
    "sign in": "is sent to the sign-in page",
    "account": "is sent to the own account",
    "401": "is not known here",
    "403": "is known and may not",
    "404": "finds nothing",
}
PROTECTIONS = ("budget", "limits", "guardrails", "log")
#: Whom a guard does not know, and whom it forbids; ``admin`` when it reads is a viewer's too.
UNKNOWN: Mapping[str, frozenset[Who]] = {
    "public": frozenset(),
    "inference": frozenset({"nobody", "expired key"}),
    **dict.fromkeys(
        ("session", "admin", "admin_only", "platform_admin"),
        frozenset({"nobody", "expired key", "API key"}),
    ),
}
FORBIDDEN: Mapping[str, frozenset[Who]] = {
    "public": frozenset(),
    "session": frozenset(),
    "inference": frozenset({"viewer"}),
    "admin": frozenset({"member", "platform"}),
    "admin_only": frozenset({"member", "viewer", "platform"}),
    "platform_admin": frozenset({"member", "viewer", "admin", "other's admin"}),
}
SIGNED_IN: tuple[Who, ...] = ("member", "viewer", "admin", "other's admin", "platform")
OUTSIDERS: frozenset[Who] = frozenset({"other's admin", "platform"})
#: What a view decides by itself, after its guard.
BY_THE_VIEW: Mapping[tuple[str, str], Mapping[Who, Outcome]] = {
    ("GET", "/app"): {"member": "account", "platform": "account"},
    ("POST", "/app/logout"): dict.fromkeys(SIGNED_IN, "sign in"),
    ("POST", "/app/account/switch"): dict.fromkeys(OUTSIDERS, "404"),
    ("POST", "/auth/switch"): dict.fromkeys(OUTSIDERS, "404"),
    ("POST", "/auth/budgets"): {"other's admin": "404"},
    ("POST", "/auth/virtual-keys"): {"other's admin": "404"},
    **{
        (method, rule): {"member": "403", "platform": "403"}
        for method, rule in (
            ("POST", "/ai/infer"),
            ("POST", "/ai/infer/stream"),
            ("GET", "/proxy/ai/<id>/<path:rest>"),
            ("POST", "/proxy/ai/<id>/<path:rest>"),
        )
    },
    ("GET", "/v1/models"): {"other's admin": "own", "platform": "own"},
    ("GET", "/auth/organizations/<org_id>"): {"member": "403", "platform": "in"},
    ("PATCH", "/auth/organizations/<org_id>"): {
        "member": "403",
        "viewer": "403",
        "platform": "in",
    },
}


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one rule, and the guard that its view carries."""

    method: str
    rule: str
    guard: str

    @property
    def is_page(self) -> bool:
        return self.rule == "/" or self.rule.startswith("/app")

    @property
    def names_something(self) -> bool:
        """Its address names an object or, where models are called, its body does."""
        return "<" in self.rule or self.guard == "inference"

    @property
    def calls_a_model(self) -> bool:
        return self.guard == "inference" and self.method == "POST"

    @property
    def passes(self) -> frozenset[str]:
        """What stands between the caller and the model; guardrails are a router's."""
        if not self.calls_a_model:
            return frozenset()
        is_direct = self.rule.startswith(("/ai/", "/proxy/ai/"))
        return frozenset(PROTECTIONS) - ({"guardrails"} if is_direct else set())


def routes(url_map: Map, views: Mapping[str, Callable[..., Any]]) -> list[Route]:
    """Every route, by address; a view without a mark counts as public."""
    found = [
        Route(method, rule.rule, getattr(views[rule.endpoint], "guard", "public"))
        for rule in url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    return sorted(found, key=lambda route: (route.rule, route.method))


def outcome(route: Route, who: Who) -> Outcome:
    """What ``route`` owes ``who``, as its guard declares it."""
    by_the_view = BY_THE_VIEW.get((route.method, route.rule), {})
    if who in by_the_view:
        return by_the_view[who]
    if who in UNKNOWN[route.guard]:
        return "sign in" if route.is_page else "401"
    if who in FORBIDDEN[route.guard] or _only_reads(route, who):
        return "403"
    if route.guard == "public" or who not in OUTSIDERS or route.guard == "platform_admin":
        return "in"
    return "404" if route.names_something else "own"


def table(found: Iterable[Route]) -> str:
    """The whole table as Markdown."""
    known = list(found)
    lines = ["# Who may call what", ""]
    lines += ["Written by `flask access > docs/access.md`; a test calls every route as each of"]
    lines += ["these callers and fails where the answer differs.", "", "## Callers", ""]
    lines += [f"- **{who}**: {said}" for who, said in CALLERS.items()]
    lines += ["", "## Outcomes", ""]
    lines += [f"- **{what}**: {said}" for what, said in OUTCOMES.items()]
    lines += ["", "## Calls of models", ""]
    lines += ["One pipeline answers them all, so none goes past a budget or limit, or unlogged."]
    lines += ["Guardrails are a router's: a model that is called directly, as only admins and keys"]
    lines += ["of all routers may, has none. A list of models calls none and costs nothing.", ""]
    lines += _rows([route for route in known if route.guard == "inference"], with_pipeline=True)
    lines += ["", "## REST", ""]
    lines += _rows([each for each in known if each.guard != "inference" and not each.is_page])
    lines += ["", "## Pages", ""]
    lines += _rows([each for each in known if each.is_page])
    return "\n".join(lines) + "\n"


def _only_reads(route: Route, who: Who) -> bool:
    return who == "viewer" and route.guard == "admin" and route.method != "GET"


def _rows(found: list[Route], *, with_pipeline: bool = False) -> list[str]:
    passes = PROTECTIONS if with_pipeline else ()
    head = ["method", "path", "guard", *CALLERS, *passes]
    lines = [_line(head), _line(["---"] * len(head))]
    for route in found:
        said = [route.method, f"`{route.rule}`", route.guard]
        said += [outcome(route, who) for who in CALLERS]
        said += ["yes" if each in route.passes else "-" for each in passes]
        lines.append(_line(said))
    return lines


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
