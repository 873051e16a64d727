"""Home leads to the first call, then shows the week."""

from __future__ import annotations

import re
from decimal import Decimal
from time import time

from hyperstrate.auth.books import budgets
from hyperstrate.shared.db import unit_of_work
from tests.auth.books.rows import entry, write
from tests.observability.pages.conftest import Bring, BrowserAs, Installed
from tests.people import Browser, People

HTMX = {"HX-Request": "true"}


def steps(html: str) -> list[bool]:
    """Which steps of the onboarding are done."""
    return ["is-done" in names for names in re.findall(r'<li class="check-step ([^"]*)">', html)]


def test_without_data_home_is_the_onboarding(admin: Browser) -> None:
    text = admin.get("/app").text

    assert steps(text) == [False, False, False, False]
    for place in ("/app/models/catalog", "/app/models/new?key=dummy", "/app/routers", "/app/keys"):
        assert f'href="{place}"' in text
    assert "p95 latency" not in text


def test_each_step_ticks_itself(
    admin: Browser, installed: Installed, people: People, bring: Bring
) -> None:
    draft = steps(admin.get("/app").text)
    installed.activate(people.alice.org_id)
    active = steps(admin.get("/app").text)
    bring(at=time())
    done = admin.get("/app").text

    assert draft == [True, False, True, False]
    assert active == [True, True, True, False]
    assert steps(done) == []
    assert "p95 latency" in done


def test_the_snippet_has_the_address_of_this_request(
    admin: Browser, installed: Installed, people: People
) -> None:
    installed.activate(people.alice.org_id)

    text = admin.get("/app").text

    assert f"http://localhost/router/{installed.router_id}/v1/chat/completions" in text
    assert "from anthropic import Anthropic" in text
    assert 'hx-get="/app/first-call"' in text


def test_the_page_waits_for_the_first_call(admin: Browser, bring: Bring) -> None:
    before = admin.get("/app/first-call", headers=HTMX)
    bring()
    after = admin.get("/app/first-call", headers=HTMX)

    assert (before.status_code, "HX-Refresh" in before.headers) == (204, False)
    assert after.headers["HX-Refresh"] == "true"


def test_the_numbers_of_the_week_lead_to_their_logs(admin: Browser, bring: Bring) -> None:
    now, day = time(), 86_400
    bring(at=now - 60, cost_usd=Decimal("0.000123"), latency_ms=1738.0)
    bring(at=now - 2 * day, cost_usd=Decimal(0), cache_hit_type="exact", latency_ms=4.0)
    bring(at=now - 3 * day, cost_usd=Decimal(0), status="error", latency_ms=5.0)
    bring(at=now - 10 * day, cost_usd=Decimal("0.000246"), latency_ms=1000.0)

    text = re.sub(r"\s+", " ", admin.get("/app").text)

    for shown in (
        "$0.000123",
        "+200.0%",
        "\N{MINUS SIGN}50.0%",
        "33.3%",
        "1.74 s",
        "+738 ms",
        "within 5%",
    ):
        assert shown in text
    for query in ("range=7d", "range=7d&amp;cacheHit=true", "range=7d&amp;status=error",
                  "range=7d&amp;minLatencyMs=1738", "range=7d&amp;modelId=mdl_1"):  # fmt: skip
        assert f'href="/app/logs?{query}"' in text


def test_a_quiet_week_says_so(admin: Browser, bring: Bring) -> None:
    bring(at=time() - 20 * 86_400)

    text = admin.get("/app").text

    assert "No requests in the last 7 days" in text
    assert "data-chart" not in text


def test_the_newest_requests_open_in_the_drawer(admin: Browser, bring: Bring) -> None:
    bring(id="r1", at=time())

    text = admin.get("/app").text

    assert 'hx-get="/app/logs/r1"' in text
    assert 'href="/app/logs/r1"' in text


def test_the_root_leads_home(admin: Browser, browser_as: BrowserAs) -> None:
    assert admin.get("/").location == "/app"
    assert browser_as(None).get("/").location.startswith("/app/login")


def test_another_organization_starts_from_nothing(
    browser_as: BrowserAs, bring: Bring, installed: Installed
) -> None:
    bring(at=time())

    stranger = browser_as("stranger").get("/app").text

    assert steps(stranger) == [False] * 4


def test_only_admins_come_in(browser_as: BrowserAs) -> None:
    assert browser_as("member").get("/app").location == "/app/account"
    assert browser_as("member").get("/app/first-call").status_code == 403
    assert browser_as(None).get("/app").location.startswith("/app/login")


def test_budgets_are_told_once_they_are_nearly_used(
    admin: Browser, browser_as: BrowserAs, people: People, bring: Bring
) -> None:
    bring(at=time())
    before = admin.get("/app").text
    org_id = people.alice.org_id
    with unit_of_work():
        columns = {"name": "All", "amount": Decimal(1), "unit": "requests", "period": "total"}
        budget = budgets.create(org_id, "organization", org_id, columns)
    write(entry(org_id))

    after = admin.get("/app").text

    assert "Budgets nearly used up" not in before
    assert "Budgets nearly used up" in after
    assert f'href="/app/budgets/{budget.id}"' in after
    assert budget.id not in browser_as("stranger").get("/app").text
