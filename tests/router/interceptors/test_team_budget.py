"""Teams' shares of a router: who pays, what overflows where, and who may set that up."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest

from hyperstrate.ai import registrations
from hyperstrate.auth.books import budget_views, budgets
from hyperstrate.auth.models import Budget
from hyperstrate.auth.people import teams
from hyperstrate.events import RoutedInference
from hyperstrate.router import lint, parts, paths, pipeline, routers
from hyperstrate.router.features.fallback import Config as FallbackConfig
from hyperstrate.router.features.fallback import Fallback
from hyperstrate.router.interceptors.team_budget import Config, TeamBudget
from hyperstrate.router.parts import StageChanges, TargetChanges
from hyperstrate.router.plan import Plans
from hyperstrate.router.proxy import Call, Limits, Proxy, Reply
from hyperstrate.router.stage import Exchange, Stage
from hyperstrate.shared.chat import ChatResult, Chunk, Dialect, Usage
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import (
    BadRequest,
    Conflict,
    NotFound,
    PaymentRequired,
    ProviderError,
)
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.key_rules import KeyRules
from hyperstrate.shared.scopes import Scopes
from hyperstrate.shared.settings import load, schema_of
from hyperstrate.shared.spending import Reservation, Worst
from tests.auth.books.rows import entry, summed, write
from tests.people import Browser, Client, People
from tests.router import building
from tests.router.conftest import (
    FakeInference,
    MakeExchange,
    Stream,
    answer,
    failure,
    make_chat,
    make_plan,
)

BLUE = Caller("org_1", "session", user_id="usr_1", team_ids=("team_blue", "team_red"))
HELLO = {"model": "support", "messages": [{"role": "user", "content": "Hello"}]}
TO_TWO = {"max_cost_usd": 1, "overflow_target_id": "tgt_two"}


class Purse:
    """Budgets that have no room for some calls."""

    def __init__(self, *, is_full: bool = True, has_nothing: bool = False) -> None:
        self.is_full = is_full
        self.has_nothing = has_nothing
        self.asked: list[tuple[str, bool]] = []
        self.settled: list[str] = []

    def reserve(
        self,
        scopes: Scopes,
        worst: Callable[[], Worst],
        *,
        at: float,
        is_first: bool,
        is_overflow: bool = False,
    ) -> Reservation:
        self.asked.append((scopes.team, is_overflow))
        if self.has_nothing or (self.is_full and not is_overflow):
            raise PaymentRequired("the budget has no room", retry_after_s=60)
        return Reservation(new_id("att"), at)

    def settle(self, reservation: Reservation, cost_usd: Decimal, tokens: int) -> None:
        self.settled.append(reservation.id)


Run = Callable[..., tuple[Exchange, FakeInference, Purse]]


@pytest.fixture
def prepare(make_exchange: MakeExchange) -> Run:
    """An exchange of the blue team, whose share is full, and who is asked."""

    def make(
        config: Mapping[str, Any],
        *outcomes: Any,
        purse: Purse | None = None,
        open_to: Collection[str] = (),
        **values: Any,
    ) -> tuple[Exchange, FakeInference, Purse]:
        stages: list[Stage[Any]] = [TeamBudget(load(Config, config)), Fallback(FallbackConfig())]
        spending = purse or Purse()
        given = {"caller": BLUE, **values}
        plan = make_plan(stages=stages, team_ids=frozenset(open_to))
        exchange = make_exchange(plan, spending=spending, **given)
        return exchange, FakeInference(*(outcomes or [answer()])), spending

    return make


def _steps(exchange: Exchange) -> list[tuple[str, str]]:
    return [(step.outcome, step.detail) for step in exchange.steps if step.name == "Team Budget"]


@pytest.mark.parametrize(
    "config",
    [
        {"budgets": {"team_blue": TO_TWO}},
        {"budgets": {"team_blue": {"max_cost_usd": 1}}, "overflow_target_id": "tgt_two"},
        {"overflow_target_id": "tgt_two"},
    ],
)
def test_a_call_without_room_goes_to_the_overflow_target(
    prepare: Run, config: Mapping[str, Any], events: list[RoutedInference]
) -> None:
    exchange, inference, purse = prepare(config)

    pipeline.run(exchange, inference)

    assert inference.called == ["mdl_two"]
    assert _steps(exchange) == [("overflow", "openai.two: the budget has no room")]
    assert purse.asked == [("team_blue", False), ("team_blue", True)]
    [made] = events[0].attempts
    assert (made.target_id, made.is_overflow, events[0].target_id) == ("tgt_two", True, "tgt_two")
    assert purse.settled == [made.id]


def test_with_room_nothing_overflows(prepare: Run, events: list[RoutedInference]) -> None:
    config = {"budgets": {"team_blue": TO_TWO}}
    exchange, inference, _ = prepare(config, purse=Purse(is_full=False))

    pipeline.run(exchange, inference)

    assert inference.called == ["mdl_one"]
    assert _steps(exchange) == []
    assert not events[0].attempts[0].is_overflow


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"budgets": {"team_blue": {"max_cost_usd": 1}}},
        {"budgets": {"team_red": TO_TWO}},
        {"overflow_target_id": "tgt_gone"},
    ],
)
def test_without_an_overflow_target_it_is_refused(prepare: Run, config: Mapping[str, Any]) -> None:
    exchange, inference, _ = prepare(config)

    with pytest.raises(PaymentRequired) as refused:
        pipeline.run(exchange, inference)

    assert (refused.value.status, refused.value.retry_after_s) == (402, 60)
    assert inference.called == []
    assert _steps(exchange) == [("blocked", "the budget has no room")]


def test_the_overflow_needs_room_too(prepare: Run) -> None:
    exchange, inference, purse = prepare(
        {"overflow_target_id": "tgt_two"}, purse=Purse(has_nothing=True)
    )

    with pytest.raises(PaymentRequired):
        pipeline.run(exchange, inference)

    assert inference.called == []
    assert purse.asked == [("team_blue", False), ("team_blue", True)]


def test_a_stream_overflows_before_its_first_word(prepare: Run) -> None:
    stream = ChatResult(
        Dialect.OPENAI_CHAT,
        stream=Stream(Chunk(text="Good", usage=Usage(1, 1)), Chunk(is_last=True)),
    )
    exchange, inference, purse = prepare(
        {"overflow_target_id": "tgt_two"}, stream, chat=make_chat(stream=True)
    )

    result = pipeline.run(exchange, inference)
    assert result.stream is not None
    words = [chunk.text for chunk in result.stream]
    result.stream.close()

    assert (words, inference.called) == (["Good", ""], ["mdl_two"])
    assert len(purse.settled) == 1


def test_a_fallback_without_room_overflows(prepare: Run, events: list[RoutedInference]) -> None:
    """The first target breaks, and for the second there is no money left."""

    class Once(Purse):
        def reserve(self, *given: Any, **named: Any) -> Reservation:
            self.is_full = bool(self.asked)
            return super().reserve(*given, **named)

    exchange, inference, _ = prepare(
        {"overflow_target_id": "tgt_two"}, failure(), answer(), purse=Once()
    )

    pipeline.run(exchange, inference)

    assert inference.called == ["mdl_one", "mdl_two"]
    assert [made.is_overflow for made in events[0].attempts] == [False, True]


def test_a_key_overflows_only_to_models_that_it_may_use(prepare: Run) -> None:
    caller = Caller("org_1", "api_key", rules=KeyRules(denied=re.compile(".*two")))
    exchange, inference, _ = prepare({"overflow_target_id": "tgt_two"}, caller=caller)

    with pytest.raises(PaymentRequired):
        pipeline.run(exchange, inference)

    assert inference.called == []


@pytest.mark.parametrize(
    ("said", "payer"),
    [("team_red", "team_red"), ("team_blue", "team_blue"), ("team_of_others", "team_blue")],
)
def test_only_a_team_of_the_caller_can_be_named_as_payer(
    prepare: Run, said: str, payer: str, events: list[RoutedInference]
) -> None:
    """The ledger says the same team as the budget that was charged."""
    exchange, inference, purse = prepare(
        {}, purse=Purse(is_full=False), variables={"team_id": said}
    )

    pipeline.run(exchange, inference)

    assert purse.asked == [(payer, False)]
    assert events[0].team_id == payer


@pytest.mark.parametrize("said", ["", "team_blue", "team_red"])
def test_a_team_that_may_not_use_the_router_pays_nothing(prepare: Run, said: str) -> None:
    exchange, inference, purse = prepare(
        {}, purse=Purse(is_full=False), variables={"team_id": said}, open_to=["team_red"]
    )

    pipeline.run(exchange, inference)

    assert purse.asked == [("team_red", False)]


def test_an_overflow_target_that_breaks_says_so(prepare: Run) -> None:
    """The budget has no room for the others: falling back to them would end in a 402."""
    exchange, inference, purse = prepare({"overflow_target_id": "tgt_two"}, failure())

    with pytest.raises(ProviderError, match="server_error"):
        pipeline.run(exchange, inference)

    assert inference.called == ["mdl_two"]
    assert purse.asked == [("team_blue", False), ("team_blue", True)]


@pytest.mark.parametrize(
    ("budgets", "complaint"),
    [
        ([], "must be an object"),
        ({"t": 1}, "item 1 must be an object"),
        ({"t": {}}, "item 1: max_cost_usd this field is required"),
        ({"t": {"max_cost_usd": 0}}, "item 1: max_cost_usd must be at least 0.0001"),
        ({"t": TO_TWO, "u": {**TO_TWO, "period": "yearly"}},
         "item 2: period must be one of: daily weekly monthly"),
        ({"t": {**TO_TWO, "x": 1}}, "item 1: x unknown setting"),
        ({"t\x00": TO_TWO}, "item 1: "),
    ],
)  # fmt: skip
def test_wrong_shares_are_named(budgets: Any, complaint: str) -> None:
    with pytest.raises(BadRequest) as refused:
        load(Config, {"budgets": budgets})

    assert refused.value.fields["budgets"][0].startswith(complaint)


def test_the_document_describes_a_share() -> None:
    share = schema_of(Config)["properties"]["budgets"]["additionalProperties"]

    assert share["required"] == ["max_cost_usd"]
    assert share["properties"]["period"]["enum"] == ["daily", "weekly", "monthly"]


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


@pytest.fixture
def router_id(org_id: str) -> str:
    with unit_of_work():
        return routers.create(org_id, "support", strategy="failover").id


@pytest.fixture
def target_id(org_id: str, router_id: str) -> str:
    with unit_of_work():
        model_id = registrations.register(org_id, "dummy").id
    with unit_of_work():
        return parts.add_target(org_id, router_id, model_id=model_id).id


def _add(org_id: str, router_id: str, shares: Mapping[str, Any], overflow: str = "") -> str:
    config = {"budgets": shares, "overflow_target_id": overflow}
    with unit_of_work():
        return parts.add_interceptor(org_id, router_id, "team_budget", config).id


def _shares(org_id: str, router_id: str) -> list[Budget]:
    return [row for row in budgets.find(org_id).items if row.router_id == router_id]


def test_a_share_is_a_budget_of_the_team_as_long_as_it_is_set(
    org_id: str, router_id: str, people: People
) -> None:
    team_id = people.alice.team_id
    interceptor_id = _add(org_id, router_id, {team_id: {"max_cost_usd": 2.5, "period": "daily"}})

    [share] = _shares(org_id, router_id)
    assert (share.scope, share.scope_id, share.period) == ("team", team_id, "daily")
    assert budget_views.of(share).amount == Decimal("2.5")
    assert budget_views.of(share).scope_name == "Default on support"
    with pytest.raises(Conflict, match="share of a team in a router"):
        budgets.delete(org_id, share.id)

    change = {"budgets": {team_id: {"max_cost_usd": 3, "period": "daily"}}}
    with unit_of_work():
        parts.update_interceptor(org_id, router_id, interceptor_id, StageChanges(config=change))
    assert [budget_views.of(row).amount for row in _shares(org_id, router_id)] == [3]
    with unit_of_work():
        off = StageChanges(is_enabled=False)
        parts.update_interceptor(org_id, router_id, interceptor_id, off)
    assert _shares(org_id, router_id) == []
    with unit_of_work():
        on = StageChanges(is_enabled=True)
        parts.update_interceptor(org_id, router_id, interceptor_id, on)
    assert len(_shares(org_id, router_id)) == 1
    with unit_of_work():
        parts.remove_interceptor(org_id, router_id, interceptor_id)
    assert _shares(org_id, router_id) == []


def test_a_share_and_the_teams_ceiling_do_not_touch_each_other(
    org_id: str, router_id: str, people: People
) -> None:
    team_id = people.alice.team_id
    with unit_of_work():
        teams.update(org_id, team_id, {"max_cost_usd": 9})
    _add(org_id, router_id, {team_id: {"max_cost_usd": 2}})

    with unit_of_work():
        teams.update(org_id, team_id, {"max_cost_usd": 0})

    assert [row.router_id for row in budgets.find(org_id).items] == [router_id]


def test_only_the_teams_calls_on_the_router_that_did_not_overflow_count(
    org_id: str, router_id: str, people: People
) -> None:
    own: dict[str, Any] = {"team_id": people.alice.team_id, "router_id": router_id}
    write(entry(org_id, "1", **own), entry(org_id, "7", **own, is_overflow=True))
    _add(org_id, router_id, {people.alice.team_id: {"max_cost_usd": 50}})
    [share] = _shares(org_id, router_id)

    write(
        entry(org_id, "2", **own),
        entry(org_id, "4", **own, is_overflow=True),
        entry(org_id, "8", team_id=people.alice.team_id, router_id="rtr_other"),
        entry(org_id, "16", team_id="team_other", router_id=router_id),
    )

    assert summed(share) == 3 * 10**10


def test_a_router_or_team_that_goes_takes_its_shares(
    org_id: str, router_id: str, people: People
) -> None:
    with unit_of_work():
        team_id = teams.create(org_id, "Blue").id
    share = {"max_cost_usd": 2}
    _add(org_id, router_id, {people.alice.team_id: share, team_id: share})

    with unit_of_work():
        teams.delete(org_id, team_id)
    with unit_of_work():
        routers.update(org_id, router_id, routers.Changes(description="x"))
        parts.add_feature(org_id, router_id, "retry", {})
    left = [row.scope_id for row in _shares(org_id, router_id)]
    with unit_of_work():
        routers.delete(org_id, router_id)

    assert left == [people.alice.team_id]
    assert _shares(org_id, router_id) == []


def test_a_target_may_be_named_by_its_model_as_the_original_did(
    org_id: str, router_id: str, target_id: str, people: People
) -> None:
    model_id = routers.get(org_id, router_id).targets[0].model_id
    share = {"max_cost_usd": 2, "overflow_target_id": model_id}

    _add(org_id, router_id, {people.alice.team_id: share}, overflow=model_id)

    config = routers.get(org_id, router_id).interceptors[0].config
    assert config["overflow_target_id"] == target_id
    assert config["budgets"][people.alice.team_id]["overflow_target_id"] == target_id


def test_others_teams_and_targets_are_not_there(
    org_id: str, router_id: str, target_id: str, people: People
) -> None:
    carol = people.carol
    with unit_of_work():
        others = routers.create(carol.org_id, "theirs", strategy="failover").id

    with pytest.raises(NotFound, match="team not found"):
        _add(org_id, router_id, {carol.team_id: {"max_cost_usd": 1}})
    with pytest.raises(NotFound, match="overflow target not found"):
        _add(carol.org_id, others, {}, overflow=target_id)
    share = {"max_cost_usd": 1, "overflow_target_id": target_id}
    with pytest.raises(NotFound, match="overflow target not found"):
        _add(carol.org_id, others, {carol.team_id: share})


def test_a_router_has_one_team_budget(org_id: str, router_id: str) -> None:
    _add(org_id, router_id, {})

    with pytest.raises(Conflict):
        _add(org_id, router_id, {})


def test_lint_warns_of_teams_without_bound_and_of_targets_that_are_off(
    org_id: str, router_id: str, target_id: str, people: People
) -> None:
    with unit_of_work():
        model_id = registrations.register(org_id, "dummy").id
    with unit_of_work():
        parts.add_target(org_id, router_id, model_id=model_id, priority=1)
    share = {"max_cost_usd": 2, "overflow_target_id": target_id}
    _add(org_id, router_id, {people.alice.team_id: share})

    def found() -> list[str]:
        return [finding.code for finding in lint.findings(routers.get(org_id, router_id))]

    assert found() == ["team_budget_without_router_access"]
    with unit_of_work():
        routers.grant(org_id, router_id, people.alice.team_id)
    assert found() == []
    with unit_of_work():
        parts.update_target(org_id, router_id, target_id, TargetChanges(is_enabled=False))
    assert "overflow_target_off" in found()


def test_the_page_offers_teams_and_targets_by_name(
    browser_as: Callable[[str], Browser],
    org_id: str,
    router_id: str,
    target_id: str,
    people: People,
) -> None:
    browser, team_id = browser_as("admin"), people.alice.team_id
    address = f"/app/routers/{router_id}/interceptors"
    form = browser.get(f"{address}/new/team_budget").text
    assert f'<option value="{team_id}"' in form
    assert f'<option value="{target_id}"' in form
    typed = {
        "budgets.0.key": team_id,
        "budgets.0.max_cost_usd": "2.5",
        "budgets.0.period": "weekly",
        "budgets.0.overflow_target_id": target_id,
        "overflow_target_id": "",
    }

    refused = browser.post(f"{address}/new/team_budget", {**typed, "budgets.0.max_cost_usd": "-1"})
    added = browser.post(f"{address}/new/team_budget", typed)

    assert refused.status_code == 422
    assert "item 1: max_cost_usd must be at least 0.0001" in refused.text
    assert added.status_code == 303
    [row] = routers.get(org_id, router_id).interceptors
    share = {"max_cost_usd": 2.5, "period": "weekly", "overflow_target_id": target_id}
    assert row.config == {"budgets": {team_id: share}, "overflow_target_id": ""}
    assert 'value="2.5"' in browser.get(f"{address}/{row.id}").text


def test_over_rest_a_foreign_team_is_not_there(
    client_as: Callable[[str], Client], router_id: str, people: People
) -> None:
    client = client_as("admin")
    config = {"budgets": {people.carol.team_id: {"max_cost_usd": 1}}}

    refused = client.post(
        f"/router/{router_id}/interceptors", json={"type": "team_budget", "config": config}
    )

    assert refused.status_code == 404, refused.text


def _ask(key: str, path: str, body: dict[str, Any]) -> Reply:
    ports = routers.ports()
    proxy = Proxy(ports, Plans(ports), Limits(max_body_bytes=10_000, max_messages=3))
    found = paths.read(path)
    assert found is not None
    return proxy.handle(Call(found, "POST", {"x-api-key": key}, orjson.dumps(body)))


@pytest.fixture
def dear_id(org_id: str, router_id: str, target_id: str) -> str:
    """The router's first target, of a model with a price and without a key: it is never called."""
    with unit_of_work():
        model_id = registrations.register(org_id, "chatgpt/gpt-4o").id
    with unit_of_work():
        dear = parts.add_target(org_id, router_id, model_id=model_id).id
        parts.order_targets(org_id, router_id, [dear, target_id])
        routers.update(org_id, router_id, routers.Changes(status="active"))
    return dear


@pytest.mark.parametrize("is_stream", [False, True])
def test_the_answer_names_the_overflow_target(
    client_as: Callable[[str], Client],
    org_id: str,
    router_id: str,
    target_id: str,
    dear_id: str,
    people: People,
    is_stream: bool,
) -> None:
    _add(org_id, router_id, {people.alice.team_id: {"max_cost_usd": 0.001}}, overflow=target_id)
    key = building.key(client_as("admin"))

    reply = _ask(key, f"/router/{router_id}/v1/chat/completions", HELLO | {"stream": is_stream})

    words = reply.body
    if reply.stream is not None:
        words = b"".join(reply.stream)
        reply.stream.close()
    assert (reply.status, dict(reply.headers)["x-hyperstrate-target"]) == (200, target_id)
    assert b'"content"' in words


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("v1/chat/completions", b'"code":"budget_exceeded"'),
        ("v1/messages", b'"type":"error"'),
    ],
)
def test_a_refusal_comes_in_the_dialect_and_says_when_to_come_again(
    client_as: Callable[[str], Client],
    org_id: str,
    router_id: str,
    dear_id: str,
    people: People,
    path: str,
    words: bytes,
) -> None:
    _add(org_id, router_id, {people.alice.team_id: {"max_cost_usd": 0.001, "period": "daily"}})
    key = building.key(client_as("admin"))

    reply = _ask(key, f"/router/{router_id}/{path}", HELLO | {"max_tokens": 1000})

    assert reply.status == 402
    assert words in reply.body
    assert b"the daily budget of this team on this router has no room" in reply.body
    assert 0 < int(dict(reply.headers)["Retry-After"]) <= 86_400
