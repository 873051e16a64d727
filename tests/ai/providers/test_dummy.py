"""DUMMY: every delay, chunk and fault that can be asked for."""

from __future__ import annotations

import base64
import struct
import threading
from typing import Any

import orjson
import pytest

from hyperstrate.ai.providers import dummy
from hyperstrate.ai.providers.base import Call, Timeouts
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.inference import Cancellation

TOOL = {"type": "function", "function": {
    "name": "weather",
    "parameters": {"type": "object", "required": ["city", "unit"], "properties": {
        "city": {"type": "string"}, "unit": {"enum": ["c", "f"]}, "days": {"type": "integer"}}},
}}  # fmt: skip


def ask(
    words: str = "Hi there",
    *,
    url: str = "dummy://local",
    path: str = "/chat/completions",
    timeouts: Timeouts | None = None,
    gone: Cancellation | None = None,
    **fields: Any,
) -> dummy.Answer:
    body = {"model": "dummy", "messages": [{"role": "user", "content": words}], **fields}
    call = Call("POST", url + path, {}, orjson.dumps(body))
    return dummy.open(call, url, timeouts or Timeouts(), gone or Cancellation())


def read(answer: dummy.Answer) -> Any:
    return orjson.loads(answer.read())


def events(answer: dummy.Answer) -> list[Any]:
    return [event[6:].strip() if b"[DONE]" in event else orjson.loads(event[6:])
            for event in answer.events()]  # fmt: skip


def failure(words: str, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as failed:
        ask(words, **options)
    return failed.value


def test_mentions_what_was_said_and_counts_tokens() -> None:
    answer = ask("Where is Ghent?")

    body = read(answer)
    assert answer.status == 200
    assert "Where is Ghent?" in body["choices"][0]["message"]["content"]
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["total_tokens"] > body["usage"]["prompt_tokens"] > 0


def test_the_same_question_has_the_same_answer() -> None:
    assert ask("same").read() == ask("same").read()


def test_directives_of_the_request_win_over_those_of_the_address() -> None:
    answer = ask(
        '/dummy text="second one" output_tokens=7', url="dummy://x?text=first&input_tokens=3"
    )

    body = read(answer)
    assert body["choices"][0]["message"]["content"] == "second one"
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (3, 7)


def test_directives_are_not_part_of_the_words() -> None:
    text = read(ask("/dummy input_tokens=1\nHello"))["choices"][0]["message"]["content"]

    assert "/dummy" not in text
    assert "Hello" in text


@pytest.mark.parametrize(
    "words",
    ["/dummy delay_ms=soon", "/dummy nonsense=1", "/dummy fault=fire", "/dummy delay_ms=-1",
     '/dummy text="open'],
)  # fmt: skip
def test_a_wrong_directive_is_a_400_that_names_it(words: str) -> None:
    answer = ask(words)

    assert answer.status == 400
    assert read(answer)["error"]["type"] == "invalid_request_error"


def test_streams_as_many_chunks_as_asked() -> None:
    answer = ask('/dummy text="abcdefghij" chunks=5', stream=True)

    assert answer.headers["content-type"] == "text/event-stream"
    found = events(answer)
    assert [event["choices"][0]["delta"].get("content") for event in found[1:6]] == [
        "ab", "cd", "ef", "gh", "ij"]  # fmt: skip
    assert found[-2]["choices"][0]["finish_reason"] == "stop"
    assert found[-1] == b"[DONE]"


def test_a_stream_tells_its_usage_when_asked() -> None:
    found = events(ask(stream=True, stream_options={"include_usage": True}))

    assert found[-2]["choices"] == []
    assert found[-2]["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize(
    ("words", "url"), [("call the Weather please", ""), ("Hi", "?tool=weather")]
)
def test_calls_a_tool_that_is_named(words: str, url: str) -> None:
    body = read(ask(words, url="dummy://x" + url, tools=[TOOL]))

    call = body["choices"][0]["message"]["tool_calls"][0]
    assert call["function"]["name"] == "weather"
    assert orjson.loads(call["function"]["arguments"]) == {"city": "example", "unit": "c"}
    assert body["choices"][0]["finish_reason"] == "tool_calls"


def test_calls_a_tool_in_a_stream_piece_by_piece() -> None:
    found = events(ask("weather", tools=[TOOL], stream=True))

    deltas = [event["choices"][0]["delta"] for event in found[:-1]]
    calls = [delta["tool_calls"][0] for delta in deltas if delta.get("tool_calls")]
    assert calls[0]["id"]
    arguments = "".join(call["function"]["arguments"] for call in calls)
    assert orjson.loads(arguments) == {"city": "example", "unit": "c"}


def test_calls_no_tool_that_nobody_asked_for() -> None:
    said = read(ask("Hello", tools=[TOOL]))["choices"][0]

    assert said["finish_reason"] == "stop"


def test_answers_with_what_the_tool_said() -> None:
    messages = [{"role": "user", "content": "weather"},
                {"role": "assistant", "tool_calls": []},
                {"role": "tool", "content": "Sunny"}]  # fmt: skip

    said = read(ask(messages=messages, tools=[TOOL]))["choices"][0]

    assert "Sunny" in said["message"]["content"]


@pytest.mark.parametrize("fault", ["refused", "reset"])
def test_a_connection_can_fail(fault: str) -> None:
    assert failure(f"/dummy fault={fault}").kind == "connection"


@pytest.mark.parametrize("words", ["/dummy fault=silent", "/dummy delay_ms=5000"])
def test_silence_ends_with_the_timeout(words: str) -> None:
    assert failure(words, timeouts=Timeouts(first_byte=0.05)).kind == "timeout"


@pytest.mark.parametrize("status", [429, 500, 529])
def test_refuses_with_a_status(status: int) -> None:
    answer = ask(f"/dummy fault={status} retry_after=9")

    assert answer.status == status
    assert (answer.headers.get("retry-after") == "9") == (status == 429)
    assert read(answer)["error"]["message"]


def test_a_stream_is_cut_after_some_chunks() -> None:
    stream = ask("/dummy fault=cut after=3 chunks=9", stream=True).events()

    assert [next(stream), next(stream), next(stream)]
    with pytest.raises(ProviderError) as cut:
        next(stream)
    assert cut.value.kind == "incomplete"


def test_an_answer_is_cut() -> None:
    with pytest.raises(ProviderError):
        ask("/dummy fault=cut").read()


def test_a_slow_drip_drips() -> None:
    stream = ask("/dummy fault=slow_drip chunk_delay_ms=1", stream=True).events()

    assert not stream.is_ready
    assert next(stream)


def test_malformed_answers_cannot_be_read() -> None:
    with pytest.raises(orjson.JSONDecodeError):
        read(ask("/dummy fault=malformed"))
    with pytest.raises(orjson.JSONDecodeError):
        events(ask("/dummy fault=malformed after=1", stream=True))


def test_a_page_an_empty_body_and_wrong_numbers() -> None:
    assert ask("/dummy fault=html").headers["content-type"] == "text/html"
    assert ask("/dummy fault=empty").read() == b""
    assert read(ask("/dummy fault=wrong_usage"))["usage"]["prompt_tokens"] == -1


def test_a_wait_ends_when_the_caller_goes() -> None:
    gone = Cancellation()
    timer = threading.Timer(0.05, gone.cancel)
    timer.start()

    error = failure("/dummy delay_ms=50000", gone=gone)

    timer.join()
    assert error.kind == "cancelled"


def test_a_stream_ends_when_the_caller_goes() -> None:
    gone = Cancellation()
    stream = ask(stream=True, gone=gone).events()
    next(stream)

    gone.cancel()

    with pytest.raises(ProviderError) as ended:
        next(stream)
    assert ended.value.kind == "cancelled"


def test_texts_that_share_words_have_near_vectors() -> None:
    answer = ask(path="/embeddings", input=["a red car", "the red car", "cold soup"])

    first, second, third = (item["embedding"] for item in read(answer)["data"])
    assert len(first) == 256

    def nearness(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert nearness(first, first) == pytest.approx(1)
    assert nearness(first, second) > nearness(first, third)


def test_vectors_come_as_base64_and_in_the_size_asked_for() -> None:
    answer = ask(path="/embeddings", input="words", encoding_format="base64", dimensions=8)

    packed = read(answer)["data"][0]["embedding"]
    assert len(struct.unpack("<8f", base64.b64decode(packed))) == 8


def test_a_list_of_tokens_is_one_input() -> None:
    assert len(read(ask(path="/embeddings", input=[1, 2, 3]))["data"]) == 1
    assert len(read(ask(path="/embeddings", input=[[1, 2], [3]]))["data"]) == 2
