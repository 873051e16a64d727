"""The page of the books with a provider's bill, the same by REST, and on the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hyperstrate.ai import registrations
from hyperstrate.shared.db import unit_of_work
from tests.auth.books.bills import OPENAI_COST, OPENAI_USAGE, as_file
from tests.auth.books.rows import entry, write
from tests.people import Browser, People

BrowserAs = Callable[[str | None], Browser]
ClientAs = Callable[[str | None], FlaskClient]
NOON = datetime(2026, 9, 28, 12, tzinfo=UTC).timestamp()
BOOKS = "/app/budgets/books"


@pytest.fixture
def gpt(people: People) -> str:
    """A model of Acme that was called for a dollar and a half."""
    org_id = people.alice.org_id
    with unit_of_work():
        model_id = registrations.register(org_id, "chatgpt/gpt-4o").id
    write(entry(org_id, "1.5", at=NOON, tokens=1500, model_id=model_id, provider="OPENAI"))
    return model_id


def sent(browser: Browser, text: str, **form: str) -> Any:
    browser.get(BOOKS)
    return browser.post(BOOKS, {"file": (as_file(text), "bill.csv"), **form})


def posted(client: FlaskClient, text: str, **form: str) -> Any:
    data = {"file": (as_file(text), "bill.csv"), **form}
    return client.post("/auth/books/compare", data=data)


def test_the_page_shows_a_bill_beside_the_books_and_leads_to_the_log(
    browser_as: BrowserAs, gpt: str
) -> None:
    answer = sent(browser_as("admin"), OPENAI_COST)

    assert answer.status_code == 200
    assert "OpenAI, 2026-09-28 to 2026-09-28" in answer.text
    assert "even</span>" in answer.text
    address = f"/app/logs?modelId={gpt}&amp;range=custom&amp;from=2026-09-28&amp;to=2026-09-28"
    assert address in answer.text
    assert "Not read: " in answer.text


def test_the_log_that_it_leads_to_has_the_days_of_the_bill(browser_as: BrowserAs, gpt: str) -> None:
    address = f"/app/logs?modelId={gpt}&range=custom&from=2026-09-28&to=2026-09-28"

    answer = browser_as("admin").get(address)

    assert answer.status_code == 200
    assert "These filters cannot be used" not in answer.text


def test_what_is_apart_is_shown_day_by_day_with_why(browser_as: BrowserAs, gpt: str) -> None:
    answer = sent(browser_as("admin"), OPENAI_USAGE + "never,,x,,,1\n")

    assert 'id="bill-days"' in answer.text
    assert "past the gateway" in answer.text
    assert "1 row could not be read" in answer.text
    assert "Line 6: " in answer.text


def test_the_comparison_can_be_had_as_a_file(browser_as: BrowserAs, gpt: str) -> None:
    text = OPENAI_COST.replace("gpt-4o-2024-08-06", "=cmd")

    answer = sent(browser_as("admin"), text, show="csv")

    assert answer.mimetype == "text/csv"
    assert "openai-2026-09-28-2026-09-28.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["day"], row["model"]) for row in rows[:2]] == [
        ("2026-09-28", "'=cmd"),
        ("2026-09-28", "gpt-4o"),
    ]
    assert (rows[1]["theirs_cost_usd"], float(rows[1]["difference_cost_usd"])) == ("0", -1.5)
    assert rows[-1]["model"] == "all models"


@pytest.mark.parametrize(
    ("text", "provider", "said"),
    [
        ("a,b\n1,2\n", "", "no column says the day"),
        ("date,tokens\n2026-09-28,1\n", "", "do not tell: name it"),
        (OPENAI_USAGE, "no", "no provider"),
    ],
)
def test_what_is_no_bill_is_said_beside_the_form(
    browser_as: BrowserAs, text: str, provider: str, said: str
) -> None:
    answer = sent(browser_as("admin"), text, provider=provider)

    assert answer.status_code == 422
    assert said in answer.text


def test_a_form_without_a_file_asks_for_one(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    browser.get(BOOKS)

    assert "choose a CSV file" in browser.post(BOOKS).text
    assert "choose a CSV file" in browser.post(BOOKS, {"file": (as_file(""), "")}).text


def test_a_viewer_reads_the_books_and_sends_no_bill(browser_as: BrowserAs) -> None:
    browser = browser_as("viewer")

    assert "Compare</button>" not in browser.get(BOOKS).text
    assert sent(browser, OPENAI_COST).status_code == 403


def test_rest_compares_a_bill(client_as: ClientAs, gpt: str) -> None:
    answer = posted(client_as("admin"), OPENAI_COST)

    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    assert (found["provider"], found["compares"]) == ("OPENAI", ["costUsd"])
    [line] = found["models"]
    assert (line["model"], line["modelIds"], line["state"]) == ("gpt-4o", [gpt], "even")
    assert (line["theirs"]["costUsd"], line["ours"]["costUsd"]) == (1.5, 1.5)
    assert line["percents"] == {"costUsd": 0.0}
    assert found["days"][0]["day"] == "2026-09-28"


def test_rest_compares_nothing_of_another_organisation(client_as: ClientAs, gpt: str) -> None:
    [line] = posted(client_as("stranger"), OPENAI_COST).get_json()["models"]

    assert (line["ours"]["costUsd"], line["modelIds"]) == (0.0, [])


def test_rest_refuses_what_is_no_bill(client_as: ClientAs) -> None:
    admin = client_as("admin")

    assert posted(client_as("member"), OPENAI_COST).status_code == 403
    assert posted(admin, "a,b\n").status_code == 422
    assert admin.post("/auth/books/compare", data={}).status_code == 400
    assert posted(admin, OPENAI_COST, provider="x" * 51).status_code == 400


def test_rest_tells_whether_the_books_balance(client_as: ClientAs, people: People) -> None:
    org_id = people.alice.org_id
    body = {"scope": "organization", "scopeId": org_id, "amount": 10}
    budget_id = client_as("admin").post("/auth/budgets", json=body).get_json()["id"]

    answer = client_as("viewer").get("/auth/books")

    [item] = answer.get_json()["items"]
    assert (item["budgetId"], item["isEven"], item["entries"]) == (budget_id, True, 0.0)


def test_the_command_prints_the_comparison_and_fails_when_it_differs(
    app: Flask, people: People, gpt: str, tmp_path: Path
) -> None:
    runner = app.test_cli_runner()
    org = ("--org", people.alice.org_id)
    (tmp_path / "cost.csv").write_text(OPENAI_COST, encoding="utf-8")
    (tmp_path / "usage.csv").write_text(OPENAI_USAGE, encoding="utf-8")
    (tmp_path / "no.csv").write_text("a,b\n", encoding="utf-8")

    even, differs, refused = (
        runner.invoke(args=["books", "compare", str(tmp_path / name), *org])
        for name in ("cost.csv", "usage.csv", "no.csv")
    )

    assert (even.exit_code, differs.exit_code, refused.exit_code) == (0, 1, 1)
    assert "2026-09-28,gpt-4o,1.5" in even.output
    assert "past the gateway" in differs.output
    assert "file: no column says the day" in refused.output
