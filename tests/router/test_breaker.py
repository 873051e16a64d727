"""The circuit breaker: opens, waits, tries, closes; in one process and in several."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hyperstrate.router.breaker import Breakers
from hyperstrate.router.stage import Exchange
from hyperstrate.shared.errors import ProviderError, ProviderErrorKind
from hyperstrate.shared.store import MemoryStore, Taken
from tests.router.conftest import MakeExchange, failure, make_plan, make_target

New = Callable[[], Exchange]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class CountingStore(MemoryStore):
    """Counts what would be round trips."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.trips = 0

    def get(self, key: str) -> bytes | None:
        self.trips += 1
        return super().get(key)

    def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Taken:
        self.trips += 1
        return super().take(key, rate=rate, burst=burst, cost=cost)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counting_store(clock: Clock) -> CountingStore:
    return CountingStore(clock)


@pytest.fixture
def breakers(clock: Clock) -> Breakers:
    return Breakers(clock)


@pytest.fixture
def new(make_exchange: MakeExchange, counting_store: CountingStore) -> New:
    """A new request of the same router."""
    return lambda: make_exchange(store=counting_store)


def _fail(breakers: Breakers, new: New, times: int, kind: ProviderErrorKind = "timeout") -> None:
    for _ in range(times):
        exchange = new()
        breakers.record(exchange, exchange.targets[0], failure(kind))


def _is_open(breakers: Breakers, exchange: Exchange) -> bool:
    try:
        breakers.check(exchange, exchange.targets[0])
    except ProviderError as error:
        return error.kind == "circuit_open" and 0 < (error.retry_after_s or 0) <= 30
    return False


def _answered(breakers: Breakers, exchange: Exchange) -> None:
    breakers.record(exchange, exchange.targets[0], None)


def test_five_failures_in_a_row_open_it(breakers: Breakers, new: New) -> None:
    _fail(breakers, new, 4)
    before = _is_open(breakers, new())
    _fail(breakers, new, 1)

    assert not before
    assert _is_open(breakers, new())


def test_a_success_in_between_begins_the_count_anew(breakers: Breakers, new: New) -> None:
    _fail(breakers, new, 4)
    _answered(breakers, new())
    _fail(breakers, new, 4)

    assert not _is_open(breakers, new())


@pytest.mark.parametrize(
    "kind", ["bad_request", "authentication", "not_found", "rate_limited", "cancelled",
             "unsupported", "circuit_open"]
)  # fmt: skip
def test_what_is_not_the_targets_health_does_not_count(
    breakers: Breakers, new: New, kind: ProviderErrorKind
) -> None:
    _fail(breakers, new, 10, kind)

    assert not _is_open(breakers, new())


@pytest.mark.parametrize(
    "kind", ["connection", "timeout", "server_error", "overloaded", "bad_answer", "incomplete"]
)
def test_what_is_the_targets_health_counts(
    breakers: Breakers, new: New, kind: ProviderErrorKind
) -> None:
    _fail(breakers, new, 5, kind)

    assert _is_open(breakers, new())


def test_after_30_seconds_one_request_at_a_time_may_try(
    breakers: Breakers, new: New, clock: Clock
) -> None:
    _fail(breakers, new, 5)
    clock.now += 29.9
    early = _is_open(breakers, new())
    clock.now += 0.2
    trial, second = new(), new()

    states = [_is_open(breakers, trial), _is_open(breakers, second), _is_open(breakers, trial)]

    assert early
    assert states == [False, True, False]


def test_two_successes_close_it(breakers: Breakers, new: New, clock: Clock) -> None:
    _fail(breakers, new, 5)
    clock.now += 31
    for _ in range(2):
        trial = new()
        breakers.check(trial, trial.targets[0])
        _answered(breakers, trial)

    states = [_is_open(breakers, new()) for _ in range(3)]
    _fail(breakers, new, 4)

    assert states == [False] * 3
    assert not _is_open(breakers, new())


def test_one_success_is_not_enough(breakers: Breakers, new: New, clock: Clock) -> None:
    _fail(breakers, new, 5)
    clock.now += 31
    trial = new()
    breakers.check(trial, trial.targets[0])
    _answered(breakers, trial)
    second = new()
    breakers.check(second, second.targets[0])

    assert _is_open(breakers, new())


def test_a_failed_trial_opens_it_again(breakers: Breakers, new: New, clock: Clock) -> None:
    _fail(breakers, new, 5)
    clock.now += 31
    trial = new()
    breakers.check(trial, trial.targets[0])
    breakers.record(trial, trial.targets[0], failure("connection"))
    clock.now += 29

    assert _is_open(breakers, new())


def test_a_trial_that_says_nothing_gives_its_place_to_the_next(
    breakers: Breakers, new: New, clock: Clock
) -> None:
    _fail(breakers, new, 5)
    clock.now += 31
    trial = new()
    breakers.check(trial, trial.targets[0])

    breakers.record(trial, trial.targets[0], failure("bad_request"))

    assert not _is_open(breakers, new())


def test_a_trial_that_never_ends_gives_its_place_up_after_a_while(
    breakers: Breakers, new: New, clock: Clock
) -> None:
    _fail(breakers, new, 5)
    clock.now += 31
    lost = new()
    breakers.check(lost, lost.targets[0])

    clock.now += 31

    assert not _is_open(breakers, new())


def test_open_targets_are_ordered_last(breakers: Breakers, new: New) -> None:
    before = [target.id for target in breakers.order(new(), new().targets)]
    _fail(breakers, new, 5)
    after = [target.id for target in breakers.order(new(), new().targets)]

    assert before == ["tgt_one", "tgt_two"]
    assert after == ["tgt_two", "tgt_one"]


def test_the_trial_keeps_the_first_place_and_the_others_go_elsewhere(
    breakers: Breakers, new: New, clock: Clock
) -> None:
    _fail(breakers, new, 5)
    clock.now += 31
    trial, other = new(), new()

    firsts = [breakers.order(one, one.targets)[0].id for one in (trial, other)]

    assert firsts == ["tgt_one", "tgt_two"]
    assert not _is_open(breakers, trial)


def test_a_target_is_known_by_its_organisation(
    breakers: Breakers, new: New, make_exchange: MakeExchange, counting_store: CountingStore
) -> None:
    """Complaint 36 of the original: what happened to one target touched the others."""
    _fail(breakers, new, 5)

    stranger = make_exchange(plan=make_plan(org_id="org_2"), store=counting_store)
    same_model = make_exchange(
        plan=make_plan([make_target("one"), make_target("three")]), store=counting_store
    )

    assert not _is_open(breakers, stranger)
    assert [target.id for target in breakers.order(same_model, same_model.targets)] == [
        "tgt_three", "tgt_one",
    ]  # fmt: skip


def test_another_process_sees_it_open_within_half_a_second(
    breakers: Breakers, new: New, clock: Clock
) -> None:
    other = Breakers(clock)
    before = _is_open(other, new())
    _fail(breakers, new, 5)

    clock.now += 0.5

    assert not before
    assert _is_open(other, new())


def test_failures_of_all_processes_count_together(
    breakers: Breakers, new: New, clock: Clock
) -> None:
    other = Breakers(clock)

    _fail(breakers, new, 3)
    _fail(other, new, 2)

    assert _is_open(other, new())


def test_a_success_in_another_process_begins_the_count_anew(
    breakers: Breakers, new: New, clock: Clock
) -> None:
    other = Breakers(clock)
    _fail(breakers, new, 4)
    _answered(other, new())
    _fail(breakers, new, 4)

    assert not _is_open(breakers, new())


def test_an_ordinary_request_asks_the_store_twice_a_second_at_most(
    breakers: Breakers, new: New, clock: Clock, counting_store: CountingStore
) -> None:
    for _ in range(100):
        exchange = new()
        breakers.order(exchange, exchange.targets[:1])
        breakers.check(exchange, exchange.targets[0])
        _answered(breakers, exchange)
        clock.now += 0.01

    assert counting_store.trips <= 3
