"""The Test tab: a real request, its answer, its trace, its errors, streamed or not."""

from __future__ import annotations

import pytest

from hyperstrate.events import RoutedInference, routed_inference
from hyperstrate.router import parts
from hyperstrate.shared.db import unit_of_work
from tests.people import Browser, People
from tests.router.pages.conftest import HTMX, Workshop

EVENTS = {**HTMX, "Accept": "text/html, text/event-stream"}


@pytest.fixture
def router_id(workshop: Workshop) -> str:
    return workshop.router("support", workshop.model("Swift"), active=True)


def test_the_form_comes_with_code_for_the_real_address(admin: Browser, router_id: str) -> None:
    text = admin.get(f"/app/routers/{router_id}/test").text

    assert f"http://localhost/router/{router_id}/v1/chat/completions" in text
    assert "from openai import OpenAI" in text
    assert "from anthropic import Anthropic" in text


@pytest.mark.parametrize("stream", [{}, {"stream": "true"}])
def test_an_answer_shows_its_words_cost_target_trace_and_headers(
    admin: Browser, router_id: str, stream: dict[str, str]
) -> None:
    admin.get("/app/routers")

    asked = {"prompt": "Good <morning>", "systemPrompt": "Be kind", **stream}
    text = admin.post(f"/app/routers/{router_id}/test", asked).text

    assert "You said: “Good &lt;morning&gt;”" in text
    assert ">Swift<" in text.replace("\n", "").replace("  ", "")
    assert "Model Inference" in text
    assert "x-hyperstrate-request-id: ilog_" in text
    assert " in · " in text
    assert ("first word" in text) == bool(stream)
    assert ("data: {" in text) == bool(stream)
    assert ">Be kind</textarea>" in text


def test_the_request_is_made_as_the_person_and_settled_once(
    admin: Browser, router_id: str, people: People
) -> None:
    seen: list[RoutedInference] = []
    routed_inference.connect(seen.append)
    admin.get("/app/routers")

    admin.post(f"/app/routers/{router_id}/test", {"prompt": "Hello", "stream": "true"})

    (event,) = [event for event in seen if event.router_id == router_id]
    assert (event.user_id, event.status, event.is_stream) == (people.alice.id, "success", True)


def test_words_come_as_they_are_said(admin: Browser, router_id: str) -> None:
    admin.get("/app/routers")

    asked = {"prompt": "/dummy chunks=4\none  two\nthree <four>", "stream": "true"}
    answer = admin.post(f"/app/routers/{router_id}/test", asked, headers=EVENTS)

    assert answer.mimetype == "text/event-stream"
    events = answer.text.split("\n\n")
    assert 'aria-busy="true"' in events[0]
    assert sum('hx-target="#words"' in event for event in events) > 1
    assert "&lt;four&gt;" in answer.text
    assert "The way it took" in events[-2]
    assert all(line.startswith("data: ") for event in events[:-1] for line in event.split("\n"))


def test_an_error_is_shown_as_the_client_gets_it_with_its_trace(
    admin: Browser, router_id: str
) -> None:
    admin.get("/app/routers")

    text = admin.post(f"/app/routers/{router_id}/test", {"prompt": "/dummy fault=500"}).text

    assert "HTTP 500" in text
    assert "Something broke" in text
    assert "Model Inference" in text


def test_a_stream_that_breaks_keeps_the_words_that_came(admin: Browser, router_id: str) -> None:
    admin.get("/app/routers")

    asked = {"prompt": "/dummy fault=cut after=3", "stream": "true"}
    text = admin.post(f"/app/routers/{router_id}/test", asked).text

    assert "stream broken" in text
    assert "closed the connection in mid-answer" in text
    assert "Hello!" in text


def test_a_draft_says_that_it_does_not_answer(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router("draft", workshop.model())
    admin.get("/app/routers")

    text = admin.post(f"/app/routers/{router_id}/test", {"prompt": "Hello"}).text

    assert "router is not active" in text


def test_what_was_answered_before_comes_from_the_cache_unless_asked_anew(
    admin: Browser, workshop: Workshop, router_id: str
) -> None:
    with unit_of_work():
        parts.add_feature(workshop.org_id, router_id, "response_cache", {})
    admin.get("/app/routers")
    address = f"/app/routers/{router_id}/test"

    admin.post(address, {"prompt": "Hello"})
    again = admin.post(address, {"prompt": "Hello"}).text
    anew = admin.post(address, {"prompt": "Hello", "bypassCache": "true"}).text

    assert "x-hyperstrate-cache: exact" in again
    assert "x-hyperstrate-cache: miss" in anew


def test_nothing_to_ask_is_refused_at_the_field(admin: Browser, router_id: str) -> None:
    admin.get("/app/routers")

    asked = {"prompt": " ", "systemPrompt": "Be kind"}
    refused = admin.post(f"/app/routers/{router_id}/test", asked, headers=HTMX)

    assert refused.status_code == 422
    assert 'id="field-prompt-errors"' in refused.text
    assert "Be kind" in refused.text
    assert "<html" not in refused.text
