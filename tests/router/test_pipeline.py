"""The road of a request: the four moments, in order; what happens on the way back; once settled."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hyperstrate.events import RoutedInference
from hyperstrate.router import pipeline
from hyperstrate.router.stage import Attempt, Exchange, Stage, Target
from hyperstrate.shared.chat import ChatResult, Chunk, Dialect, Text, Usage
from hyperstrate.shared.errors import Blocked, Forbidden, ProviderError, Unprocessable
from hyperstrate.shared.guards import Caller
from tests.router.conftest import (
    FakeInference,
    MakeExchange,
    Stream,
    answer,
    failure,
    make_chat,
    make_plan,
    make_target,
)


@dataclass(frozen=True)
class NoConfig:
    """Nothing to set."""


class Diary(Stage[NoConfig]):
    """Writes down which moments it saw."""

    name = "diary"
    Config = NoConfig

    def __init__(self, mark: str, lines: list[str]) -> None:
        super().__init__(NoConfig())
        self.mark = mark
        self.lines = lines

    def before(self, exchange: Exchange) -> ChatResult | None:
        self.lines.append(f"before {self.mark}")
        return None

    def around(self, exchange: Exchange, target: Target, attempt: Attempt) -> ChatResult:
        self.lines.append(f"around {self.mark}")
        return attempt(target)

    def during(self, exchange: Exchange, chunk: Chunk) -> Chunk | None:
        if chunk.text:
            self.lines.append(f"during {self.mark} {chunk.text}")
        return chunk

    def after(self, exchange: Exchange, result: ChatResult) -> None:
        self.lines.append(f"after {self.mark} {result.text}")


class Cached(Diary):
    """Answers by itself."""

    def before(self, exchange: Exchange) -> ChatResult | None:
        super().before(exchange)
        exchange.cache_hit_type = "exact"
        return answer("from the cache", usage=Usage())


class Guardrail(Diary):
    """Refuses answers with a forbidden word."""

    is_guardrail = True

    def after(self, exchange: Exchange, result: ChatResult) -> None:
        super().after(exchange, result)
        if "forbidden" in result.text:
            raise Blocked("the answer was refused")


def words(*texts: str) -> list[Chunk]:
    return [Chunk(is_preamble=True), *(Chunk(text=text) for text in texts)]


END = [Chunk(finish_reason="stop", usage=Usage(7, 3)), Chunk(is_last=True)]


def streamed(stream: Stream) -> ChatResult:
    return ChatResult(Dialect.OPENAI_CHAT, stream=stream)


def test_moments_come_in_order_and_after_in_reverse(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    lines: list[str] = []
    exchange = make_exchange(make_plan(stages=[Diary("a", lines), Diary("b", lines)]))

    result = pipeline.run(exchange, FakeInference(answer("hi")))

    assert result.text == "hi"
    assert lines == ["before a", "before b", "around a", "around b", "after b hi", "after a hi"]
    assert [event.status for event in events] == ["success"]


def test_an_answering_stage_skips_the_rest_but_not_the_guardrails(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    lines: list[str] = []
    stages = [Diary("a", lines), Cached("c", lines), Diary("b", lines), Guardrail("g", lines)]
    inference = FakeInference(answer())

    pipeline.run(make_exchange(make_plan(stages=stages)), inference)

    assert inference.called == []
    said = "from the cache"
    assert lines == [
        "before a", "before c", "before g", f"after g {said}", f"after c {said}", f"after a {said}",
    ]  # fmt: skip
    assert events[0].cost_usd == 0


def test_a_refused_answer_was_still_paid_for(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    exchange = make_exchange(make_plan(stages=[Guardrail("g", [])]))

    with pytest.raises(Blocked):
        pipeline.run(exchange, FakeInference(answer("a forbidden word", usage=Usage(10, 5))))

    assert events[0].error_code == "content_blocked"
    assert events[0].cost_usd == 15


def test_a_failed_call_is_logged_once_with_what_it_said(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    exchange = make_exchange()

    with pytest.raises(ProviderError):
        pipeline.run(exchange, FakeInference(failure("server_error", status=503)))

    assert [(event.status, event.http_status) for event in events] == [("error", 503)]
    assert events[0].attempts[0].error_code == "server_error"


def test_a_stream_passes_the_stages_and_is_settled_before_its_last_chunk(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    lines: list[str] = []
    plan = make_plan(stages=[Diary("a", lines)])
    exchange = make_exchange(plan, make_chat(stream=True))
    stream = Stream(*words("Hel", "lo"), *END)

    result = pipeline.run(exchange, FakeInference(streamed(stream)))
    assert result.stream is not None
    settled_at = [bool(events) for _ in result.stream]

    assert lines[2:] == ["during a Hel", "during a lo", "after a Hello"]
    assert settled_at == [False, False, False, False, True]
    assert events[0].usage == Usage(7, 3)
    assert stream.is_closed


def test_a_stream_that_ends_early_is_incomplete(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    exchange = make_exchange(chat=make_chat("three words here", stream=True))
    result = pipeline.run(exchange, FakeInference(streamed(Stream(*words("one two")))))
    assert result.stream is not None

    with pytest.raises(ProviderError, match="ended early"):
        list(result.stream)

    assert events[0].error_code == "incomplete"
    assert events[0].usage == Usage(3, 2, is_estimated=True)


def test_a_client_that_goes_is_settled_with_what_it_had(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    stream = Stream(*words("one two", "three"), *END)
    exchange = make_exchange(chat=make_chat(stream=True))
    result = pipeline.run(exchange, FakeInference(streamed(stream)))
    assert result.stream is not None

    next(result.stream), next(result.stream)
    result.stream.close()
    result.stream.close()

    assert stream.is_closed
    assert [event.error_code for event in events] == ["cancelled"]
    assert events[0].usage.output_tokens == 2


def test_a_stream_that_fails_before_its_first_word_raises_at_once(
    make_exchange: MakeExchange,
) -> None:
    broken = Stream(Chunk(is_preamble=True), then=failure("overloaded"))
    exchange = make_exchange(chat=make_chat(stream=True))

    with pytest.raises(ProviderError) as raised:
        pipeline.run(exchange, FakeInference(streamed(broken)))

    assert raised.value.kind == "overloaded"
    assert broken.is_closed


def test_the_prompt_of_the_router_stands_in_when_the_client_sent_none(
    make_exchange: MakeExchange,
) -> None:
    inference = FakeInference(answer())
    exchange = make_exchange(make_plan(prompt="You help {{who}}"), variables={"who": "Ada"})

    pipeline.run(exchange, inference)

    first = inference.asked[0].conversation.messages[0]
    assert (first.role, first.parts) == ("system", [Text("You help Ada")])
    assert not exchange.chat.is_rewritten


def test_the_prompt_of_a_target_wins(make_exchange: MakeExchange) -> None:
    inference = FakeInference(answer())
    target = make_target("one", prompt="Answer in verse")

    pipeline.run(make_exchange(make_plan([target], prompt="You help")), inference)

    assert inference.asked[0].conversation.messages[0].text == "Answer in verse"


def test_an_inactive_router_does_not_answer(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    with pytest.raises(Unprocessable, match="not active"):
        pipeline.run(make_exchange(make_plan(status="draft")), FakeInference(answer()))

    assert events[0].http_status == 422


def test_a_team_without_access_is_refused(
    make_exchange: MakeExchange, events: list[RoutedInference]
) -> None:
    plan = make_plan(team_ids=frozenset({"team_1"}))
    stranger = Caller(plan.org_id, "api_key", team_ids=("team_2",))

    with pytest.raises(Forbidden):
        pipeline.run(make_exchange(plan, caller=stranger), FakeInference(answer()))

    assert events[0].team_id == "team_2"


def test_a_router_without_targets_says_so(make_exchange: MakeExchange) -> None:
    with pytest.raises(Unprocessable, match="no enabled targets"):
        pipeline.run(make_exchange(make_plan([])), FakeInference(answer()))
