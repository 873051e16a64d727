"""The log's pages, as a browser uses them with and without JavaScript."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from time import time
from typing import Any

import pytest

from hyperstrate.events import AttemptMade
from hyperstrate.observability import queries
from hyperstrate.observability.pages import logs
from hyperstrate.shared.chat import Usage
from tests.observability.pages.conftest import Bring, BrowserAs, Installed
from tests.people import Browser, People

HTMX = {"HX-Request": "true"}
STEPS = (
    {
        "phase": 2,
        "kind": "cache",
        "name": "Response Cache",
        "outcome": "miss",
        "offsetMs": 0.1,
        "durationMs": 0.3,
    },
    {
        "phase": 6,
        "kind": "inference",
        "name": "Model Inference",
        "outcome": "success",
        "offsetMs": 1.0,
        "durationMs": 98.0,
    },
)


def rows(html: str) -> list[str]:
    """The ids of the logs in the table."""
    return re.findall(r'<tr id="(r\d+)"', html)


def address(html: str, pager: str) -> str:
    found = re.search(rf'<a id="pager-{pager}"[^>]*?href="([^"]+)"', html, re.DOTALL)
    return found[1].replace("&amp;", "&") if found else ""


def test_the_list_shows_what_matters_of_a_request(
    admin: Browser, bring: Bring, installed: Installed
) -> None:
    bring(
        id="r1",
        router_id=installed.router_id,
        model_id=installed.model_id,
        api_key_id=installed.key_id,
        usage=Usage(input_tokens=1234, output_tokens=56, is_estimated=True),
        cost_usd=Decimal("0.000123"),
        latency_ms=1840.0,
        ttft_ms=321.0,
    )

    text = admin.get("/app/logs").text

    assert rows(text) == ["r1"]
    for shown in ("support", "Fast", "phone app", "1,234", "≈", "$0.000123", "1.84 s", "321 ms"):
        assert shown in text
    assert 'href="/app/logs/r1"' in text


def test_a_deleted_router_keeps_its_name_and_a_session_has_no_key(
    admin: Browser, bring: Bring
) -> None:
    bring(id="r1", router_id="rtr_gone", router_name="Old road", api_key_id="akey_gone")
    bring(id="r2", router_id="", router_name="", source="direct", api_key_id="")

    text = admin.get("/app/logs").text

    assert "Old road" in text
    assert "deleted key" in text
    assert "direct" in text
    assert "signed in" in text


def test_who_called_without_a_key_is_named(admin: Browser, bring: Bring, people: People) -> None:
    bring(id="r1", api_key_id="", user_id=people.bob.id)
    bring(id="r2", api_key_id="", user_id="user_gone")

    rows = admin.get("/app/logs").text
    one, gone = admin.get("/app/logs/r1").text, admin.get("/app/logs/r2").text

    assert rows.count("Bob") == 1
    assert "signed in" in rows
    assert "Bob, signed in" in one
    assert "somebody, signed in" in gone


def test_pages_go_back_to_the_oldest_and_forth_again(admin: Browser, bring_many: Bring) -> None:
    bring_many(120)

    first = admin.get("/app/logs").text
    second = admin.get(address(first, "older")).text
    third = admin.get(address(second, "older")).text
    back = admin.get(address(third, "newer")).text

    expected = [f"r{place:03}" for place in reversed(range(120))]
    assert rows(first) + rows(second) + rows(third) == expected
    assert rows(back) == rows(second)
    assert (address(first, "newer"), address(third, "older")) == ("", "")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"status": "error"}, lambda place: place % 3 == 0),
        ({"cacheHit": "true"}, lambda place: place % 5 == 0 and place % 3),
        ({"cacheHit": "false"}, lambda place: place % 5 or place % 3 == 0),
        ({"source": "direct"}, lambda place: place % 7 == 0),
        ({"minCostUsd": "0.5"}, lambda place: place % 7 == 0),
        ({"minLatencyMs": "9000", "status": "error"}, lambda place: place % 21 == 0),
        ({"text": "machine 3"}, lambda place: place in (3, 30, 33, 36, 39)),
        ({"routerId": "rtr_1"}, lambda place: place % 7),
        ({"modelId": "mdl_1"}, lambda place: place % 5 or place % 3 == 0),
        ({"apiKeyId": "akey_2"}, lambda place: False),
        ({"range": "custom", "from": "2026-09-21T14:14"}, lambda place: place >= 40),
        ({"from": "2026-09-21", "to": "2026-09-21"}, lambda place: True),
        ({"to": "2026-09-20"}, lambda place: False),
    ],
)
def test_a_filter_of_the_address_filters(
    admin: Browser, bring_many: Bring, query: dict[str, str], wanted: Any
) -> None:
    bring_many(45)

    found = rows(admin.get("/app/logs", query_string=query).text)

    assert found == [f"r{place:03}" for place in reversed(range(45)) if wanted(place)]


def test_days_are_shown_as_the_form_takes_them(admin: Browser) -> None:
    text = admin.get("/app/logs?from=2026-09-21&to=2026-09-21").text

    assert 'value="2026-09-21T00:00"' in text
    assert 'value="2026-09-22T00:00"' in text
    assert '<option value="custom" selected>' in text


def test_a_range_moves_along(admin: Browser, bring: Bring) -> None:
    bring(id="r1", at=time() - 7200)
    bring(id="r2", at=time() - 60)

    assert rows(admin.get("/app/logs?range=1h").text) == ["r2"]
    assert rows(admin.get("/app/logs?range=24h&from=2099-01-01T00:00").text) == ["r2", "r1"]


def test_filters_go_on_through_pages_rows_and_the_export(admin: Browser, bring_many: Bring) -> None:
    bring_many(160)

    text = admin.get("/app/logs?status=error").text
    older = address(text, "older")

    assert len(rows(text)) == 50
    assert "status=error" in older
    assert rows(admin.get(older).text) == ["r009", "r006", "r003", "r000"]
    assert 'href="/app/logs/r159?status=error"' in text
    assert 'href="/app/logs/export.csv?status=error"' in text
    assert '<option value="error" selected>' in text


def test_a_form_without_javascript_leads_to_a_short_address(admin: Browser) -> None:
    sent = admin.get("/app/logs?range=&routerId=&status=error&text=&live=1")

    assert sent.status_code == 303
    assert sent.location == "/app/logs?status=error&live=1"


def test_htmx_gets_the_list_alone_and_the_short_address(admin: Browser, bring: Bring) -> None:
    bring(id="r1", status="error")

    answer = admin.get("/app/logs?range=&status=error", headers=HTMX)

    assert answer.text.lstrip().startswith('<div id="list">')
    assert "<form" not in answer.text
    assert rows(answer.text) == ["r1"]
    assert answer.headers["HX-Push-Url"] == "/app/logs?status=error"
    assert "HX-Request" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("minCostUsd=much", "Min. cost: Not a valid number."),
        ("minLatencyMs=-1", "Min. latency: "),
        ("range=never", "Time: is not a choice"),
        ("range=custom&from=soon", "From: must be a time such as"),
        ("to=0001-01-01", "To: must be a time such as"),
        ("cacheHit=perhaps", "Cache: "),
        ("text=" + "x" * 201, "Error text: must be at most 200 characters"),
        ("text=%00x", "Error text: must not contain the character NUL"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(
    admin: Browser, bring: Bring, query: str, complaint: str
) -> None:
    bring(id="r1")

    answer = admin.get(f"/app/logs?{query}")

    assert answer.status_code == 422
    assert complaint in answer.text
    assert rows(answer.text) == []


def test_a_cursor_that_is_none_is_refused(admin: Browser) -> None:
    assert admin.get("/app/logs?before=x").status_code == 400


def test_an_empty_log_names_the_next_step(admin: Browser) -> None:
    text = admin.get("/app/logs").text

    assert "No requests yet" in text
    assert "Make the first call" in text


def test_a_filter_without_a_match_offers_to_clear_it(admin: Browser, bring: Bring) -> None:
    bring(id="r1")

    text = admin.get("/app/logs?status=error").text

    assert "Nothing matches" in text
    assert "Clear filters" in text


def test_the_tail_is_silent_until_something_newer_comes(
    admin: Browser, bring: Bring, bring_many: Bring
) -> None:
    bring_many(3)
    live = admin.get("/app/logs?live=1&status=error").text
    (tail,) = re.findall(r'hx-get="(/app/logs/tail[^"]+)"', live)

    before = admin.get(tail.replace("&amp;", "&"), headers=HTMX)
    bring(id="r990", at=1_790_000_990.0)
    unmatched = admin.get(tail.replace("&amp;", "&"), headers=HTMX)
    bring(id="r991", at=1_790_000_991.0, status="error")
    after = admin.get(tail.replace("&amp;", "&"), headers=HTMX)

    assert 'hx-trigger="every 2s"' in live
    assert (before.status_code, before.text) == (204, "")
    assert (unmatched.status_code, unmatched.text) == (204, "")
    assert rows(after.text) == ["r991", "r000"]
    assert "/app/logs/tail?" in after.text


def test_the_tail_of_an_empty_log_waits_for_the_first(admin: Browser, bring: Bring) -> None:
    assert admin.get("/app/logs/tail?after=", headers=HTMX).status_code == 204

    bring(id="r1")

    assert rows(admin.get("/app/logs/tail?after=", headers=HTMX).text) == ["r1"]


def test_the_export_is_the_filtered_set(admin: Browser, bring_many: Bring) -> None:
    bring_many(30)

    answer = admin.get("/app/logs/export.csv?status=error&minCostUsd=0.5")

    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert [line["id"] for line in lines] == ["r021", "r000"]


def test_an_export_of_nonsense_is_refused(admin: Browser) -> None:
    assert admin.get("/app/logs/export.csv?minCostUsd=much").status_code == 400


def test_one_request_tells_its_whole_story(
    admin: Browser, bring: Bring, installed: Installed
) -> None:
    bring(
        id="r1",
        router_id=installed.router_id,
        model_id=installed.model_id,
        api_key_id=installed.key_id,
        target_id="rtgt_b",
        price_version="2026-11-18",
        finish_reason="stop",
        dialect="openai_chat",
        is_stream=True,
        ttft_ms=40.0,
        usage=Usage(input_tokens=1000, cached_input_tokens=640, output_tokens=50),
        dropped=("top_k", "metadata"),
        steps=STEPS,
        attempts=(
            AttemptMade("att_1", "rtgt_a", "mdl_gone", "error", Usage(), 12.0, error_code="reset"),
            AttemptMade(
                "att_2",
                "rtgt_b",
                installed.model_id,
                "success",
                Usage(output_tokens=50),
                88.0,
                cost_usd=Decimal("0.00000042"),
            ),
        ),
        session={"agent_session_id": "sess_7", "agent": "codex", "turn_index": "3"},
        request_body={"messages": [{"role": "user", "content": "<b>hi</b>"}]},
        response_text="hello there",
    )

    text = admin.get("/app/logs/r1").text

    for shown in ("Model Inference", "Response Cache", "rtgt_a", "reset", "answered",
                  "deleted model", "top_k, metadata", "2026-11-18", "640", "sess_7", "codex",
                  "&lt;b&gt;hi&lt;/b&gt;", "hello there", "$0.00000042",
                  'data-copy="r1"'):  # fmt: skip
        assert shown in text
    assert "<b>hi" not in text


def test_the_drawer_gets_the_panel_alone(admin: Browser, bring: Bring) -> None:
    bring(id="r1", steps=STEPS)

    answer = admin.get("/app/logs/r1", headers=HTMX)

    assert "<html" not in answer.text
    assert 'id="drawer-title"' in answer.text
    assert "Model Inference" in answer.text
    assert 'href="/app/logs/r1"' in answer.text


def test_an_error_says_what_went_wrong(admin: Browser, bring: Bring) -> None:
    bring(id="r1", status="error", http_status=429, error_code="rate_limited", error_message="slow")

    text = admin.get("/app/logs/r1").text

    assert "rate_limited · 429" in text
    assert "slow" in text
    assert "the request ended before a provider was called" in text


def test_a_request_that_is_not_stored_says_where_to_change_that(
    admin: Browser, bring: Bring
) -> None:
    bring(id="r1")
    bring(id="r2", router_id="", router_name="")

    assert 'href="/app/routers/rtr_1/settings"' in admin.get("/app/logs/r1").text
    assert "only a router can keep" in admin.get("/app/logs/r2").text


def test_a_long_payload_is_cut_and_linked(
    admin: Browser, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "SHOWN_CHARACTERS", 20)
    bring(id="r1", request_body={"model": "x"}, response_text="a" * 19 + "bc")

    text = admin.get("/app/logs/r1").text

    assert "a" * 19 + "b" in text
    assert "a" * 19 + "bc" not in text
    assert 'href="/analytics/inference-logs/r1/payload"' in text


def test_newer_and_older_stay_inside_the_filter(admin: Browser, bring_many: Bring) -> None:
    bring_many(10)

    middle = admin.get("/app/logs/r006?status=error").text
    newest = admin.get("/app/logs/r009?status=error", headers=HTMX).text

    assert 'href="/app/logs/r009?status=error"' in middle
    assert 'href="/app/logs/r003?status=error"' in middle
    assert 'data-key="ArrowDown"' in newest
    assert 'data-key="ArrowUp"' not in newest


def test_feedback_is_kept_and_taken_back(admin: Browser, bring: Bring, people: People) -> None:
    bring(id="r1")
    admin.get("/app/logs/r1")

    saved = admin.post("/app/logs/r1/feedback?status=success", {"feedback": "-1"})
    shown = admin.get("/app/logs/r1").text
    back = admin.post("/app/logs/r1/feedback", {"feedback": "0"}, headers=HTMX)

    assert saved.location == "/app/logs/r1?status=success"
    assert "Saved as bad" in shown
    assert back.text.lstrip().startswith('<section id="verdict"')
    assert "Saved as" not in back.text
    assert queries.log(people.alice.org_id, "r1").feedback == 0


@pytest.mark.parametrize("feedback", ["2", "", "good"])
def test_feedback_that_is_none_is_refused(admin: Browser, bring: Bring, feedback: str) -> None:
    bring(id="r1")
    admin.get("/app/logs/r1")

    assert admin.post("/app/logs/r1/feedback", {"feedback": feedback}).status_code == 400


def test_a_stranger_sees_none_of_it(browser_as: BrowserAs, bring: Bring, people: People) -> None:
    bring(id="r1")
    stranger = browser_as("stranger")

    page = stranger.get("/app/logs/r1")
    sent = stranger.post("/app/logs/r1/feedback", {"feedback": "1"})

    assert page.status_code == 404
    assert "Nothing is here" in page.text
    assert sent.status_code == 404
    assert rows(stranger.get("/app/logs").text) == []
    assert "r1" not in stranger.get("/app/logs/export.csv").text
    assert queries.log(people.alice.org_id, "r1").feedback == 0


@pytest.mark.parametrize(
    "path", ["/app/logs", "/app/logs/tail", "/app/logs/export.csv", "/app/logs/r1"]
)
def test_only_admins_come_in(browser_as: BrowserAs, bring: Bring, path: str) -> None:
    bring(id="r1")

    assert browser_as("member").get(path).status_code == 403
    assert browser_as(None).get(path).location.startswith("/app/login?next=")


@pytest.mark.parametrize("log_id", ["nothing", "x" * 101])
def test_an_id_that_names_nothing_gets_a_page(admin: Browser, log_id: str) -> None:
    answer = admin.get(f"/app/logs/{log_id}")

    assert answer.status_code in (400, 404)
    assert "<html" in answer.text
