"""The hourly sums are what a scan of the logs finds, however the logs came in."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from hyperstrate.events import RoutedInference
from hyperstrate.observability import recorder, sums
from hyperstrate.observability.latencies import about
from hyperstrate.observability.models import InferenceLog, UsageHour
from hyperstrate.observability.sums import hour_of
from hyperstrate.shared.chat import Usage
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.spool import SpoolReader
from tests.observability.conftest import Store
from tests.observability.installation import ACME, GLOBEX, make_event

CENTURY = 36500


def some_events(seed: int, count: int = 200) -> list[RoutedInference]:
    """Requests of three hours, of two organisations, of all kinds."""
    chance = random.Random(seed)
    start = hour_of(now()).timestamp() - 2 * 3600
    return [
        make_event(
            id=f"{seed}-{number}",
            at=start + chance.uniform(0, 3 * 3600),
            org_id=chance.choice([ACME, GLOBEX]),
            router_id=chance.choice(["", "rtr_1", "rtr_2"]),
            model_id=(model := chance.choice(["", "mdl_1", "mdl_2"])),
            model_def_key=model and f"key of {model}",
            status=chance.choice(["success", "success", "error"]),
            cache_hit_type=chance.choice(["", "", "exact", "semantic", "prefetch"]),
            usage=Usage(input_tokens=chance.randrange(5000), output_tokens=chance.randrange(900)),
            cost_usd=Decimal(chance.randrange(10**9)) / 10**11,
            latency_ms=chance.choice([0.2, chance.lognormvariate(7, 2)]),
        )
        for number in range(count)
    ]


def scanned() -> dict[tuple[Any, ...], list[Any]]:
    """The sums as the logs have them."""
    found: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0] * 9 + [{}])
    for log in session.scalars(select(InferenceLog)):
        place = log.org_id, hour_of(log.created_at)
        is_success = log.status == "success"
        add(found[*place, "all", ""], log)
        add(found[*place, "router", log.router_id], log)
        model = log.model_id, log.model_def_key, log.provider
        add(found[*place, "model", *model], log, is_timed=is_success)
    return dict(found)


def add(row: list[Any], log: InferenceLog, *, is_timed: bool = True) -> None:
    is_timed = is_timed and log.latency_ms > 0
    more = (
        1, log.status == "error", log.cache_hit, log.cache_hit_type == "exact",
        log.cache_hit_type == "semantic", log.input_tokens, log.output_tokens, log.cost_usd,
        log.latency_ms if is_timed else 0,
    )  # fmt: skip
    row[:9] = [known + one for known, one in zip(row[:9], more, strict=True)]
    if is_timed:
        took = str(about(log.latency_ms))
        row[9] = row[9] | {took: row[9].get(took, 0) + 1}


def kept() -> dict[tuple[Any, ...], list[Any]]:
    """The sums as they are kept."""
    session.rollback()
    session.expire_all()
    return {key_of(hour): values_of(hour) for hour in session.scalars(select(UsageHour))}


def key_of(row: UsageHour) -> tuple[Any, ...]:
    names = {
        "all": ("",),
        "router": (row.router_id,),
        "model": (row.model_id, row.model_def_key, row.provider),
    }
    return row.org_id, hour_of(row.hour), row.scope, *names[row.scope]


def values_of(row: UsageHour) -> list[Any]:
    return [
        row.requests, row.errors, row.cache_hits, row.exact_hits, row.semantic_hits,
        row.input_tokens, row.output_tokens, row.cost_usd, row.latency_ms, row.latencies,
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_random_requests_the_sums_are_those_of_a_scan(store: Store, seed: int) -> None:
    for event in some_events(seed):
        store(event)
    store(*some_events(seed + 100))

    assert kept() == scanned()


def test_lines_that_are_read_again_count_once(store: Store) -> None:
    events = some_events(7)
    store(*events[:120])
    store(*events[60:], *events[:30], *events[-5:])

    assert kept() == scanned()
    assert len(session.scalars(select(InferenceLog.id)).all()) == len(events)


def test_what_is_not_written_is_not_counted(
    store: Store, reader: SpoolReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_logs: object) -> None:
        original(_logs)  # type: ignore[arg-type]
        raise OSError("killed here")

    original = sums.add
    recorder.record_inference(make_event())
    monkeypatch.setattr(sums, "add", fail)
    with pytest.raises(OSError, match="killed here"):
        recorder.drain(reader)
    before = kept()
    monkeypatch.undo()
    store()

    assert before == {}
    assert kept() == scanned() != {}


def test_a_rebuild_repairs_what_is_wrong(store: Store) -> None:
    store(*some_events(11))
    right = kept()
    with unit_of_work():
        session.execute(update(UsageHour).values(requests=UsageHour.requests + 1))
        session.add(an_hour("org_nobody", hour_of(now())))

    assert sums.rebuild(CENTURY) == 3

    assert kept() == right


def test_a_rebuild_keeps_the_hours_whose_logs_are_gone(store: Store) -> None:
    long_ago = hour_of(now()) - timedelta(hours=5)
    with unit_of_work():
        session.add(an_hour(ACME, long_ago))
    store(make_event(at=now().timestamp()))

    sums.rebuild(CENTURY)

    assert (ACME, long_ago, "all", "") in kept()


def an_hour(org_id: str, hour: datetime) -> UsageHour:
    """Sums of which no log tells."""
    names = dict.fromkeys(("router_id", "model_id", "model_def_key", "provider"), "")
    measures: dict[str, Any] = dict.fromkeys(sums.MEASURES, 1)
    return UsageHour(org_id=org_id, scope="all", hour=hour, **names, **measures, latencies={})


def test_nonsense_in_one_request_does_not_stop_the_others(store: Store) -> None:
    absurd = Usage(input_tokens=2**62)

    store(*(make_event(id=f"l{number}", usage=absurd) for number in range(3)))
    store(make_event(id="l4", cost_usd=Decimal(99_999_999)), make_event(id="l5"))

    assert len(session.scalars(select(InferenceLog.id)).all()) == 5
    (row,) = (values for key, values in kept().items() if key[2] == "all")
    assert (row[0], row[5]) == (5, 3 * sums.MOST + 20)


def test_long_names_are_cut_not_refused(store: Store) -> None:
    chance = random.Random(5)
    long = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=9000))

    store(make_event(model_def_key=long))

    assert session.scalars(select(UsageHour.model_def_key)).all().count(long[: sums.MAX_NAME]) == 1
