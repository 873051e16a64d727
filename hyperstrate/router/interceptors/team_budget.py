"""Give teams a share of the router in dollars; what does not fit goes to a cheaper target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hyperstrate.router.stage import Attempt, Exchange, Stage, Target
from hyperstrate.shared.chat import ChatResult
from hyperstrate.shared.errors import PaymentRequired
from hyperstrate.shared.settings import setting


@dataclass(frozen=True)
class TeamShare:
    max_cost_usd: float = setting(..., min=0.0001, max=1_000_000, label="Dollars")
    period: Literal["daily", "weekly", "monthly"] = setting("monthly")
    overflow_target_id: str = setting("", max_length=50, label="Overflow", widget="target")


@dataclass(frozen=True)
class Config:
    budgets: dict[str, TeamShare] = setting(
        {},
        max_items=500,
        label="Shares",
        widget="team",
        help="What each team may spend on this router; calls that overflow are not in it. "
        "Days, weeks and months are those of UTC",
    )
    overflow_target_id: str = setting(
        "",
        max_length=50,
        label="Overflow for all",
        widget="target",
        help="Where a call goes that any budget has no room for, of an organization, team, router "
        "or key, unless its team has a target of its own above. Empty: it is refused with 402",
    )


class TeamBudget(Stage[Config]):
    """The shares are budgets of the teams, counted with all others before each call.

    So a call overflows whichever budget is full. It must fit into all of them but the share.
    """

    name = "team_budget"
    Config = Config

    def before(self, exchange: Exchange) -> ChatResult | None:
        """Who is in several teams may say which one pays: of those that the router is open to."""
        caller, open_to = exchange.caller, exchange.plan.team_ids
        paying = [id_ for id_ in caller.team_ids if not open_to or id_ in open_to]
        if paying:
            said = exchange.variables.get("team_id", "")
            first = said if said in paying else paying[0]
            others = (id_ for id_ in caller.team_ids if id_ != first)
            exchange.caller = replace(caller, team_ids=(first, *others))
        return None

    def around(self, exchange: Exchange, target: Target, attempt: Attempt) -> ChatResult:
        """Raises PaymentRequired when the overflow target has no room either."""
        try:
            return attempt(target)
        except PaymentRequired as refusal:
            overflow = self._overflow(exchange)
            if overflow is None:
                _note(exchange, "blocked", refusal.message)
                raise
            _note(exchange, "overflow", f"{overflow.model.definition_key}: {refusal.message}")
        return attempt(replace(overflow, is_overflow=True))

    def _overflow(self, exchange: Exchange) -> Target | None:
        """The target for calls without room, if there is one that the caller may use."""
        share = self.config.budgets.get(exchange.scopes.team)
        wanted = (share and share.overflow_target_id) or self.config.overflow_target_id
        return next((target for target in exchange.plan.targets if target.id == wanted), None)


def _note(exchange: Exchange, outcome: str, detail: str) -> None:
    made = len(exchange.attempts)
    exchange.step("interceptor", "Team Budget", outcome, phase=5, detail=detail, attempts=made)
