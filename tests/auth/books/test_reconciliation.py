"""A provider's bill beside the ledger: complaints 1 and 3, spend that its invoice knows better."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from hyperstrate.ai import registrations
from hyperstrate.auth.books import provider_csv, reconciliation
from hyperstrate.auth.books.comparison import Comparison, Line
from hyperstrate.auth.books.ledger import Row
from hyperstrate.observability.models import UsageHour
from hyperstrate.shared.db import db, session, unit_of_work
from hyperstrate.shared.errors import Unprocessable
from tests.auth.books.bills import ANTHROPIC_COST, OPENAI_COST, OPENAI_USAGE, as_file
from tests.auth.books.rows import entry, write
from tests.people import People

MONDAY, TUESDAY = date(2026, 9, 28), date(2026, 9, 29)
NOON = datetime(2026, 9, 28, 12, tzinfo=UTC).timestamp()
DAY = 86400.0


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


@pytest.fixture
def gpt(org_id: str) -> str:
    return registered(org_id, "chatgpt/gpt-4o")


def registered(org_id: str, key: str, **values: str) -> str:
    with unit_of_work():
        return registrations.register(org_id, key, **values).id


def call(org_id: str, model_id: str, tokens: int, cost_usd: str = "0.5", **values: Any) -> Row:
    given = {"at": NOON, "tokens": tokens, "model_id": model_id, "provider": "OPENAI"}
    return entry(org_id, cost_usd, **{**given, **values})


def compare(org_id: str, text: str, provider: str = "") -> Comparison:
    return reconciliation.compare(org_id, provider_csv.read(as_file(text)), provider=provider)


def by_name(found: Comparison) -> dict[str, Line]:
    return {line.model: line for line in found.models}


def test_what_agrees_is_even_whatever_date_the_provider_adds_to_the_name(
    org_id: str, gpt: str
) -> None:
    mini = registered(org_id, "chatgpt/gpt-4o-mini")
    write(*(call(org_id, gpt, 500) for _ in range(3)))
    write(*(call(org_id, mini, 15, at=NOON + DAY) for _ in range(5)))

    found = compare(org_id, OPENAI_USAGE)

    assert (found.provider, found.since, found.until) == ("OPENAI", MONDAY, TUESDAY)
    assert [(line.day, line.model, line.state) for line in found.days] == [
        (MONDAY, "gpt-4o", "even"),
        (TUESDAY, "gpt-4o-mini", "even"),
    ]
    assert (found.total.state, found.total.reasons) == ("even", [])


def test_calls_that_the_ledger_has_not_are_named_as_gone_past_the_gateway_complaint_1(
    org_id: str, gpt: str
) -> None:
    write(*(call(org_id, gpt, 500) for _ in range(3)))

    line = by_name(compare(org_id, OPENAI_USAGE))["gpt-4o-mini-2024-07-18"]

    assert (line.state, line.difference("tokens"), line.percent("tokens")) == (
        "differs",
        Decimal(75),
        Decimal(100),
    )
    assert "past the gateway" in line.reasons[0]


def test_what_the_file_has_not_is_ours_alone(org_id: str) -> None:
    other = registered(org_id, "chatgpt/o3")
    write(call(org_id, other, 40, is_estimated=True))

    line = by_name(compare(org_id, OPENAI_USAGE))["o3"]

    assert (line.difference("tokens"), line.percent("tokens")) == (Decimal(-40), None)
    assert line.reasons[0].startswith("Not in the file")
    assert line.reasons[1] == "Tokens of 1 of our calls are estimated."


def test_a_small_difference_is_within_one_percent(org_id: str, gpt: str) -> None:
    write(call(org_id, gpt, 1490), call(org_id, gpt, 0), call(org_id, gpt, 0))

    line = by_name(compare(org_id, OPENAI_USAGE))["gpt-4o"]

    assert (line.difference("tokens"), line.state) == (Decimal(10), "within 1 %")


def test_costs_of_tokens_that_agree_are_a_matter_of_price_complaint_13(
    org_id: str, gpt: str
) -> None:
    text = "date,model,input_tokens,output_tokens,cost_usd\n2026-09-28,gpt-4o,900,100,2.00\n"
    write(call(org_id, gpt, 1000, "1", price_version="2026-01"))

    line = by_name(compare(org_id, text, "openai"))["gpt-4o"]

    assert (line.state, line.difference("cost_usd")) == ("differs", Decimal(1))
    assert line.reasons == ["The tokens agree: the price differs (here: price version 2026-01)."]


def test_a_model_without_a_price_here_is_said_to_be_counted_as_free_complaint_1(
    org_id: str, gpt: str
) -> None:
    write(call(org_id, gpt, 1000, "0"))

    line = by_name(compare(org_id, OPENAI_COST))["gpt-4o"]

    assert line.reasons == ["The price is not known here: it is counted as free."]


def test_costs_are_even_when_they_differ_by_what_the_provider_rounds(org_id: str, gpt: str) -> None:
    haiku = registered(org_id, "anthropic/claude-haiku-4-5")
    write(call(org_id, gpt, 9, "1.5"))
    write(call(org_id, haiku, 9, "0.0783", provider="ANTHROPIC"))

    assert by_name(compare(org_id, OPENAI_COST))["gpt-4o"].state == "even"
    line = by_name(compare(org_id, ANTHROPIC_COST))["claude-haiku-4-5-20251001"]
    assert (line.state, line.difference("cost_usd")) == ("even", Decimal("-0.0083"))


def test_only_entries_of_the_provider_and_of_its_days_are_compared(org_id: str, gpt: str) -> None:
    azure = registered(org_id, "azure/gpt-4o")
    midnight = datetime(2026, 9, 28, tzinfo=UTC).timestamp()
    write(
        call(org_id, gpt, 1, "1.5", at=midnight),
        call(org_id, gpt, 1, "7", at=midnight - 1),
        call(org_id, gpt, 1, "7", at=midnight + DAY),
        call(org_id, azure, 1, "7"),
    )

    found = compare(org_id, OPENAI_COST)

    assert [(line.model, line.state) for line in found.models] == [("gpt-4o", "even")]


def test_a_retry_counts_as_the_provider_counts_it_and_a_call_that_failed_for_nothing_not(
    org_id: str, gpt: str
) -> None:
    """Complaint 3: a request's first call may fail and cost nothing, a cancelled one costs."""
    write(
        call(org_id, gpt, 0, "0", kind="failed"),
        call(org_id, gpt, 500, requests=0),
        call(org_id, gpt, 500, kind="cancelled"),
        call(org_id, gpt, 500),
    )

    line = by_name(compare(org_id, OPENAI_USAGE))["gpt-4o"]

    assert (line.ours.requests, line.state) == (3, "even")


def test_a_bill_without_models_is_compared_day_by_day(org_id: str, gpt: str) -> None:
    mini = registered(org_id, "chatgpt/gpt-4o-mini")
    write(call(org_id, gpt, 9, "1"), call(org_id, mini, 9, "0.5"))

    text = re.sub(r'"gpt-4o[^"]+"', "", OPENAI_COST)

    found = compare(org_id, text)

    assert [(line.model, line.state) for line in found.days] == [("all models", "even")]


def test_a_row_without_a_model_stands_for_itself(org_id: str) -> None:
    found = compare(org_id, OPENAI_COST.replace('"gpt-4o-2024-08-06, input"', ""))

    assert set(by_name(found)) == {"gpt-4o-2024-08-06", "no model named"}


def test_another_model_that_is_called_by_a_registration_has_its_own_name(org_id: str) -> None:
    special = registered(org_id, "chatgpt/gpt-4o", upstream_model="ft:gpt-4o:acme")
    write(call(org_id, special, 1500, requests=1))

    assert by_name(compare(org_id, OPENAI_USAGE))["ft:gpt-4o:acme"].theirs.tokens == 1500


def test_a_model_whose_registration_is_gone_is_known_by_what_was_logged(org_id: str) -> None:
    write(call(org_id, "mdl_gone", 1500))
    numbers = ("errors", "cache_hits", "exact_hits", "semantic_hits", "output_tokens", "latency_ms")
    hour = UsageHour(
        org_id=org_id,
        scope="model",
        hour=datetime.fromtimestamp(NOON, UTC),
        router_id="",
        model_id="mdl_gone",
        model_def_key="chatgpt/gpt-4o",
        provider="OPENAI",
        requests=1,
        input_tokens=1500,
        cost_usd=Decimal(1),
        latencies={},
        **dict.fromkeys(numbers, 0),
    )
    with unit_of_work():
        session.add(hour)

    assert by_name(compare(org_id, OPENAI_USAGE))["gpt-4o"].ours.model_ids == {"mdl_gone"}


def test_a_model_that_nobody_knows_counts_by_what_the_entry_says(
    org_id: str,
) -> None:
    write(call(org_id, "mdl_gone", 40, "0.5"), call(org_id, "", 2, "0.5"))

    found = by_name(compare(org_id, OPENAI_COST))

    assert (found["mdl_gone"].ours.tokens, found["deleted model"].ours.tokens) == (40, 2)


def test_the_day_of_today_is_said_not_to_be_over(org_id: str, gpt: str) -> None:
    today = datetime.now(UTC).date()
    write(call(org_id, gpt, 5, at=datetime.now(UTC).timestamp()))

    [line] = compare(org_id, f"date,model,tokens\n{today},gpt-4o,9\n", "openai").days

    assert line.reasons == ["The day is not over."]


@pytest.mark.parametrize(
    ("provider", "said"),
    [("", "do not tell: name it"), ("opena", "no provider 'opena'; there are: ANTHROPIC, ")],
)
def test_a_bill_of_nobody_known_is_refused(org_id: str, provider: str, said: str) -> None:
    with pytest.raises(Unprocessable, match="whose bill") as caught:
        compare(org_id, "date,tokens\n2026-09-28,1\n", provider)

    assert said in caught.value.fields["provider"][0]


def test_nothing_of_a_bill_is_written(org_id: str, gpt: str) -> None:
    with no_writes() as written:
        compare(org_id, OPENAI_USAGE)

    assert written == []


@contextmanager
def no_writes() -> Iterator[list[str]]:
    """What is sent to the database inside and is no question."""
    written: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().upper().startswith("SELECT"):
            written.append(statement)

    event.listen(db.engine, "before_cursor_execute", hear)
    yield written
    event.remove(db.engine, "before_cursor_execute", hear)
