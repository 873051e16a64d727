"""Reading the usage and cost exports of providers."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import IO

import pytest

from hyperstrate.auth.books import provider_csv
from hyperstrate.auth.books.bill_columns import Billed
from hyperstrate.auth.books.provider_csv import Bill
from hyperstrate.shared.errors import TooLarge, Unprocessable
from tests.auth.books.bills import (
    ANTHROPIC_COST,
    ANTHROPIC_USAGE,
    OPENAI_COST,
    OPENAI_USAGE,
    SPREADSHEET,
    as_file,
)

MONDAY, TUESDAY = date(2026, 9, 28), date(2026, 9, 29)


def read(text: str, encoding: str = "utf-8") -> Bill:
    return provider_csv.read(as_file(text, encoding))


def refusal(file: IO[bytes]) -> str:
    """What is said of a file; the message, which the audit keeps, has nothing of it."""
    with pytest.raises(Unprocessable, match=r"^the file cannot be read as a bill$") as caught:
        provider_csv.read(file)
    [said] = caught.value.fields["file"]
    return said


def test_openai_usage_is_summed_by_day_and_model_and_cached_input_is_input() -> None:
    bill = read(OPENAI_USAGE)

    assert (bill.provider, bill.says, bill.rows) == ("OPENAI", ("tokens", "requests"), 3)
    assert bill.billed == {
        (MONDAY, "gpt-4o-2024-08-06"): Billed(tokens=1500, requests=3),
        (TUESDAY, "gpt-4o-mini-2024-07-18"): Billed(tokens=75, requests=5),
    }
    assert "input_cached_tokens" in bill.ignored


def test_openai_costs_belong_to_the_model_of_their_line_item() -> None:
    bill = read(OPENAI_COST)

    assert (bill.provider, bill.says, bill.rows) == ("OPENAI", ("cost_usd",), 2)
    [((day, model), billed)] = bill.billed.items()
    assert (day, model) == (MONDAY, "gpt-4o-2024-08-06")
    assert round(billed.cost_usd, 10) == Decimal("1.5")


def test_anthropic_usage_counts_what_its_cache_wrote_and_read_complaint_7() -> None:
    bill = read(ANTHROPIC_USAGE)

    assert (bill.provider, bill.says) == ("ANTHROPIC", ("tokens",))
    assert bill.billed == {(MONDAY, "claude-haiku-4-5-20251001"): Billed(tokens=500)}
    assert bill.ignored[:2] == ["api_key", "workspace"]


def test_anthropic_costs_are_rounded_to_cents() -> None:
    bill = read(ANTHROPIC_COST)

    [billed] = bill.billed.values()
    assert bill.says == ("cost_usd",)
    assert (billed.cost_usd, billed.rounded_by) == (Decimal("0.07"), Decimal("0.010"))


def test_a_spreadsheet_with_semicolons_decimal_commas_and_a_mark_of_order_is_read() -> None:
    bill = read(SPREADSHEET, "utf-8-sig")

    [(key, billed)] = bill.billed.items()
    assert key == (MONDAY, "gpt-4o")
    assert (billed.tokens, billed.requests, billed.cost_usd) == (1500, 3, Decimal("1234.50"))
    assert (bill.provider, bill.ignored) == ("", ["Note"])


def test_a_row_that_cannot_be_read_is_named_by_its_line_and_the_others_count() -> None:
    text = (
        "date,model,tokens,cost_usd,currency\n"
        '2026-09-28,"a\nb",1,1,USD\n'
        "yesterday,a,1,1,USD\n"
        "2026-09-28,a,=1+1,1,USD\n"
        "2026-09-28,a,1,1,EUR\n"
        "\n"
        "2026-09-28,a,-1,1,USD\n"
        "2026-09-28,a,2\n"
    )

    bill = read(text)

    assert [(problem.line, problem.text) for problem in bill.problems] == [
        (4, "'yesterday' is not a day"),
        (5, "'=1+1' is not a whole number"),
        (6, "the amount is in EUR, not in USD"),
        (8, "'-1' is not a whole number"),
    ]
    assert (bill.rows, bill.unread) == (2, 4)


def test_of_many_unread_rows_the_first_are_kept() -> None:
    text = "date,tokens\n2026-09-28,1\n" + "never,1\n" * 80

    bill = read(text)

    assert (bill.unread, len(bill.problems)) == (80, provider_csv.MAX_PROBLEMS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column says the day and tokens, requests or costs in USD; there are: none"),
        ("date,model\n2026-09-28,a\n", "no column says tokens, requests or costs in USD"),
        ("model,tokens\na,1\n", "no column says the day; there are: model, tokens"),
        ("date,tokens\n", "no row with usage or costs that can be read"),
        ("date,tokens\nnever,1\n", "line 2: 'never' is not a day"),
        ("date,tokens\n2024-01-01,1\n2026-01-01,1\n", "more than 366 days"),
        ("start_time_iso,model,type,price,amount\n2026-09-28,a,output_tokens,1,2\n", "no column"),
    ],
)
def test_what_is_no_bill_is_refused(text: str, said: str) -> None:
    assert said in refusal(as_file(text))


def test_a_quote_that_is_never_closed_costs_its_row_alone() -> None:
    text = 'date,tokens\n2026-09-28,1\n"' + "x" * 200_000 + "\n"

    bill = read(text)

    assert (bill.rows, bill.unread) == (1, 1)
    assert "field limit" in bill.problems[0].text


def test_a_file_that_is_no_utf8_is_refused_with_the_line() -> None:
    file = as_file("date,tokens\n2026-09-28,1 €\n", "cp1252")

    assert refusal(file) == "line 2 is not UTF-8 text; save it as CSV UTF-8"


def test_a_file_with_nul_bytes_is_refused() -> None:
    assert "no column says" in refusal(io.BytesIO(bytes(2000)))


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "date,tokens\n" + "2026-09-28,1\n" * 100
    monkeypatch.setattr(provider_csv, "MAX_ROWS", 99)
    with pytest.raises(TooLarge, match="more than 99 rows"):
        read(text)

    monkeypatch.setattr(provider_csv, "MAX_BYTES", 1000)
    with pytest.raises(TooLarge, match="larger than"):
        read(text)


def test_empty_lines_and_a_long_header_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "too long" in refusal(as_file("," * 70_000 + "\n1\n"))

    monkeypatch.setattr(provider_csv, "MAX_ROWS", 9)
    with pytest.raises(TooLarge, match="more than 9 rows"):
        read("date,tokens\n" + "\n" * 200)


def test_a_file_with_very_many_models_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_csv, "MAX_LINES", 2)

    with pytest.raises(TooLarge, match="more than 2 models day by day"):
        read("date,model,tokens\n" + "".join(f"2026-09-28,m{n},1\n" for n in range(3)))
