"""No call without room for it in every budget; what it did not take is given back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from hyperstrate.auth.books import amounts, budget_views, budgets, ledger, spending
from hyperstrate.auth.books.counters_redis import RedisCounters
from hyperstrate.auth.books.recording import Books
from hyperstrate.auth.books.spending import Spending
from hyperstrate.auth.models import Budget
from hyperstrate.auth.runtime import runtime
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import PaymentRequired
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.redis_link import RedisLink
from hyperstrate.shared.scopes import Scopes
from hyperstrate.shared.spending import Reservation, Worst
from tests.auth.books.rows import budget, entry, write
from tests.people import People

HOUR = 3600
Reserve = Callable[..., Reservation]


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


@pytest.fixture
def reserve(org_id: str, people: People) -> Reserve:
    """A call of Acme's default team."""

    def call(usd: str = "1", tokens: int = 100, *, is_first: bool = True) -> Reservation:
        return runtime().spending.reserve(
            Scopes(org_id, team=people.alice.team_id),
            lambda: Worst(Decimal(usd), tokens),
            at=time.time(),
            is_first=is_first,
        )

    return call


def counts(one: Budget) -> tuple[float, float]:
    """What is used and reserved of a budget."""
    view = budget_views.of(budgets.get(one.org_id, one.id))
    return float(view.used), float(view.reserved)


def test_a_call_holds_its_worst_case_and_gives_back_what_it_did_not_take(
    org_id: str, reserve: Reserve
) -> None:
    dollars, tokens = budget(org_id), budget(org_id, unit="tokens", amount=1000)
    calls = budget(org_id, unit="requests", amount=10)

    held = reserve("2.5", 300)
    assert [counts(one)[1] for one in (dollars, tokens, calls)] == [2.5, 300, 1]
    runtime().spending.settle(held, Decimal("0.75"), 120)

    assert [counts(one)[1] for one in (dollars, tokens, calls)] == [0.75, 120, 1]
    assert held.units == 25_000_000_000


def test_a_retry_is_no_other_request_but_more_money(org_id: str, reserve: Reserve) -> None:
    dollars, calls = budget(org_id), budget(org_id, unit="requests", amount=1)

    reserve("1")
    reserve("1", is_first=False)

    assert (counts(dollars)[1], counts(calls)[1]) == (2, 1)


def test_who_does_not_fit_is_told_which_budget_and_how_full_it_is(
    org_id: str, reserve: Reserve, people: People
) -> None:
    budget(org_id, amount=1000)
    budget(org_id, "team", people.alice.team_id, amount=10, period="daily")
    write(entry(org_id, "7", team_id=people.alice.team_id))
    reserve("2")

    with pytest.raises(PaymentRequired) as refused:
        reserve("1.01")

    assert refused.value.message == (
        "the daily budget of this team has no room for this request:"
        " $9.00 of $10.00 used or reserved"
    )
    assert refused.value.status == 402
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wait = (midnight + timedelta(days=1)).timestamp() - time.time()
    assert refused.value.retry_after_s == pytest.approx(wait, abs=60)
    assert counts(budgets.find(org_id, scope="organization").items[0])[1] == 2


@pytest.mark.parametrize(
    ("unit", "words"), [("requests", "3 of 3 requests"), ("tokens", "1,200 of 1,250 tokens")]
)
def test_the_message_speaks_in_the_budgets_unit(
    org_id: str, reserve: Reserve, unit: str, words: str
) -> None:
    budget(org_id, unit=unit, amount={"requests": 3, "tokens": 1250}[unit])
    for _ in range(3):
        reserve("1", 400)

    with pytest.raises(PaymentRequired) as refused:
        reserve("1", 400)

    found = refused.value.message.replace(f" {unit} of", " of")
    assert words in found
    assert refused.value.retry_after_s is None


def test_an_overflowing_call_needs_no_room_in_a_share_and_room_in_all_else(
    org_id: str, people: People
) -> None:
    team_id = people.alice.team_id
    share = budget(org_id, "team", team_id, amount=5, period="daily", router_id="rtr_1")
    whole = budget(org_id, "team", team_id, amount=20)

    def ask(usd: str, router_id: str = "rtr_1", *, is_overflow: bool = False) -> Reservation:
        return runtime().spending.reserve(
            Scopes(org_id, team=team_id, router=router_id),
            lambda: Worst(Decimal(usd), 1),
            at=time.time(),
            is_first=True,
            is_overflow=is_overflow,
        )

    ask("4")
    with pytest.raises(PaymentRequired) as refused:
        ask("2")
    ask("2", is_overflow=True)
    ask("10", "rtr_2")
    with pytest.raises(PaymentRequired, match="the total budget of this team has no room"):
        ask("5", is_overflow=True)

    assert refused.value.message.startswith("the daily budget of this team on this router has no")
    assert (refused.value.retry_after_s or 0) > 0
    assert (counts(share), counts(whole)) == ((0, 4), (0, 16))


def test_of_several_that_are_full_one_is_named(org_id: str, reserve: Reserve) -> None:
    budget(org_id, amount=5, period="daily")
    budget(org_id, amount=5, period="monthly")

    with pytest.raises(PaymentRequired) as refused:
        reserve("6")

    assert refused.value.message.count("budget of this") == 1


def test_a_soft_budget_refuses_nobody(org_id: str, reserve: Reserve) -> None:
    soft = budget(org_id, amount=1, is_hard=False)

    reserve("5")

    assert counts(soft) == (0, 5)


def test_a_disabled_budget_refuses_nobody(org_id: str, reserve: Reserve) -> None:
    one = budget(org_id, amount=1)
    with unit_of_work():
        budgets.change(org_id, one.id, {"is_enabled": False})

    reserve("5")


def test_a_raise_ends_by_itself(
    org_id: str, reserve: Reserve, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, now = budget(org_id, amount=10), time.time()
    with unit_of_work():
        until = datetime.fromtimestamp(now + HOUR, UTC)
        budgets.raise_until(org_id, one.id, Decimal(5), until)
    reserve("14")
    assert budget_views.of(one).is_raised

    monkeypatch.setattr(time, "time", lambda: now + HOUR + 1)
    monkeypatch.setattr(amounts, "now", lambda: until + timedelta(seconds=1))

    with pytest.raises(PaymentRequired, match=r"\$14\.00 of \$10\.00"):
        reserve("1")
    assert not budget_views.of(one).is_raised


def test_without_a_budget_nothing_is_held_and_nobody_asks_for_the_worst(people: People) -> None:
    def never() -> Worst:
        raise AssertionError("there is no budget")

    held = runtime().spending.reserve(Scopes("org_unknown"), never, at=time.time(), is_first=True)
    runtime().spending.settle(held, Decimal(1), 1)

    assert (held.units, held.windows) == (0, ())


def test_what_is_recorded_is_used_and_no_longer_reserved(org_id: str, reserve: Reserve) -> None:
    one, held = budget(org_id), reserve("3")
    runtime().spending.settle(held, Decimal(2), 10)
    write(entry(org_id, "2", id=held.id))

    runtime().spending.tend()

    assert counts(one) == (2, 0)


@pytest.fixture
def shared(app: Flask, redis_url: str) -> Spending:
    """The spending of one of several processes."""
    made = Spending(app.app_context, RedisLink(redis_url, new_id("test"), processes=1))
    made.tend()
    return made


def hold(process: Spending, org_id: str, usd: str) -> Reservation:
    return process.reserve(
        Scopes(org_id), lambda: Worst(Decimal(usd), 1), at=time.time(), is_first=True
    )


def test_a_full_rolling_budget_opens_again_as_its_hours_pass(
    shared: Spending, org_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody spends meanwhile, so only the sweep can notice."""
    budget(org_id, amount=1, period="rolling", rolling_hours=2)
    write(entry(org_id, "1"))
    with pytest.raises(PaymentRequired):
        hold(shared, org_id, "0.5")
    now = time.time()

    monkeypatch.setattr(time, "time", lambda: now + 3 * HOUR)
    shared.sweep()

    assert hold(shared, org_id, "0.5").windows


def test_the_sweep_enters_what_a_crash_cut_off_and_frees_it_complaint_3(
    shared: Spending, org_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, held = budget(org_id, amount=1), hold(shared, org_id, "1")
    name = ledger.window_name(one, time.time())
    counters = shared.counters
    assert isinstance(counters, RedisCounters)
    monkeypatch.setattr(spending, "LOST_AFTER_S", -1.0)
    monkeypatch.setattr(spending, "SWEEP_AFTER_S", -1.0)

    shared.sweep()
    assert shared.used([name])[name].open == 10**10
    counters._redis.delete(counters._key("alive", counters._process))
    shared.sweep()

    assert shared.used([name])[name] == (0, 0)
    assert ledger.recorded([held.id]) == {held.id}


def test_the_books_take_over_what_the_recorder_wrote(shared: Spending, org_id: str) -> None:
    one, held = budget(org_id), hold(shared, org_id, "3")
    call = {
        "id": held.id,
        "at": held.at,
        "model_id": "m",
        "status": "success",
        "error_code": "",
        "usage": {"input_tokens": 1, "output_tokens": 1, "is_estimated": False},
        "cost_usd": "2",
        "reserved": held.units,
        "price_version": "1",
    }
    scopes = ("team_id", "router_id", "api_key_id", "virtual_key_id", "user_id", "provider")
    log = {"id": "ilog", "org_id": org_id, **dict.fromkeys(scopes, ""), "attempts": [call]}

    for _ in range(2):
        with unit_of_work():
            Books(shared).write([log])

    name = ledger.window_name(one, time.time())
    assert shared.used([name])[name] == (2 * 10**10, 0)
