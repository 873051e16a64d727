"""What is wrong, or likely not meant, in how a router is set up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from hyperstrate.router import road
from hyperstrate.router.features.fallback import Fallback
from hyperstrate.router.interceptors.team_budget import TeamBudget
from hyperstrate.router.models import Router
from hyperstrate.router.plan import unusable
from hyperstrate.router.road import Choosable
from hyperstrate.router.strategies.percentage import check_percentages

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """One remark; an error keeps the router from answering. ``target_id``: the one it is about."""

    severity: Severity
    code: str
    message: str
    target_id: str = ""


def findings(router: Router) -> list[Finding]:
    """Errors first."""
    targets = road.targets(router)
    enabled = [target for target in targets if target.row.is_enabled]
    broken = [_broken(sentence) for sentence in unusable(router)]
    if not enabled:
        return [_no_targets(targets), *broken]
    found = [
        *broken,
        *_models(enabled),
        *_shares(router, enabled),
        *_order(router, enabled),
        *_budget(router, enabled),
    ]
    return sorted(found, key=lambda finding: ("error", "warning", "info").index(finding.severity))


def _broken(sentence: str) -> Finding:
    return Finding("error", "unusable_part", f"{sentence[0].upper()}{sentence[1:]}.")


def _no_targets(targets: Sequence[Choosable]) -> Finding:
    message = "All targets are off: turn one on." if targets else "Add a target to call."
    return Finding("error", "no_enabled_targets", message)


def _models(enabled: Sequence[Choosable]) -> Iterator[Finding]:
    waiting = [target for target in enabled if not target.model.is_ready]
    severity: Severity = "error" if len(waiting) == len(enabled) else "warning"
    for target in waiting:
        message = f"{target.model.name} has no key yet: calls to it fail."
        yield Finding(severity, "target_not_configured", message, target.row.id)


def _shares(router: Router, enabled: Sequence[Choosable]) -> Iterator[Finding]:
    rows = [target.row for target in enabled]
    if router.strategy == "percentage":
        complaint = check_percentages([row.percentage for row in rows])
        if complaint:
            yield Finding("error", "percentages", f"{complaint[0].upper()}{complaint[1:]}.")
        yield from _never(target for target in enabled if not target.row.percentage)
    if router.strategy == "weighted" and any(row.weight for row in rows):
        yield from _never(target for target in enabled if not target.row.weight)
    elif router.strategy == "weighted":
        message = "Every weight is 0: all requests go to the first target."
        yield Finding("warning", "weights_are_zero", message)


def _never(targets: Iterator[Choosable]) -> Iterator[Finding]:
    for target in targets:
        message = f"{target.model.name} has no share: it is called only when others fail."
        yield Finding("info", "target_without_share", message, target.row.id)


def _order(router: Router, enabled: Sequence[Choosable]) -> Iterator[Finding]:
    chosen = {row.feature_type for row in router.features if row.is_enabled}
    falls_back = road.brings_fallback(router) or Fallback.name in chosen
    if falls_back and len(enabled) == 1:
        message = "There is one target only: when it fails, there is nothing to fall back to."
        yield Finding("warning", "fallback_without_second_target", message)
    priorities = [target.row.priority for target in enabled]
    if router.strategy == "failover" and len(set(priorities)) < len(priorities):
        message = "Some targets have the same priority: of those, the older one is tried first."
        yield Finding("info", "same_priority", message)


def _budget(router: Router, enabled: Sequence[Choosable]) -> Iterator[Finding]:
    """Of the interceptor ``team_budget``."""
    rows = [row for row in router.interceptors if row.type == TeamBudget.name and row.is_enabled]
    there = {"", *(target.row.id for target in enabled)}
    for row in rows:
        if row.config["budgets"] and not router.accesses:
            message = "Everybody may use this router: a team without a share has no bound here."
            yield Finding("warning", "team_budget_without_router_access", message)
        named = [share["overflow_target_id"] for share in row.config["budgets"].values()]
        if not there.issuperset([*named, row.config["overflow_target_id"]]):
            message = "An overflow target is off or gone: what should go there is refused."
            yield Finding("warning", "overflow_target_off", message)
