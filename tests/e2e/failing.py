"""Calls to providers in a state of failure, and what a client and the log must hear of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests import answers
from tests.e2e.gateway import Admin, Gateway
from tests.upstreams import Answer, Connection

OPENAI, ANTHROPIC = "/v1/chat/completions", "/v1/messages"
PATHS = [OPENAI, ANTHROPIC]
FIRST_BYTE_S, IDLE_S, TOTAL_S = 0.3, 0.3, 0.8
QUICK: dict[str, float] = {
    "firstByteTimeoutSecs": FIRST_BYTE_S,
    "idleTimeoutSecs": IDLE_S,
    "timeoutSecs": TOTAL_S,
}
#: A provider that drips stays far below the time between two reads, on a busy machine as well.
DRIP_S = 0.05
DRIPPING: dict[str, float] = {"idleTimeoutSecs": 1, "timeoutSecs": 1.5}
GPT, CLAUDE = "chatgpt/gpt-4o", "anthropic/claude-sonnet-4-5"
ASK: Any = [{"role": "user", "content": "Say hello"}]
JSON_HEAD = {"content-type": "application/json"}
WORDS = ("Hel", "lo ")
HELLO = answers.openai_events("Hello")
BEGUN = answers.openai_events(*WORDS)[:-3]
BEGUN_CLAUDE = answers.anthropic_events(*WORDS)[:-3]


@dataclass(frozen=True)
class Refusal:
    """An error as a client got it."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


_numbers = count()


def key_of(admin: Admin, *models: str, **features: Any) -> str:
    """A key of a new router: the circuits of its targets are closed."""
    return admin.key(admin.router(f"faults {next(_numbers)}", *models, **features))


def model_at(
    admin: Admin, url: str, definition: str = GPT, *, timeouts: Mapping[str, float] | None = None
) -> str:
    return admin.model(definition, baseUrl=url, apiKey="k", **(timeouts or {}))


def ask(gateway: Gateway, key: str, path: str, *, stream: bool) -> tuple[int, Any, bytes]:
    body = {"model": "any", "messages": ASK, "stream": stream, "max_tokens": 50}
    return gateway.request("POST", path, body, {"Authorization": f"Bearer {key}"})


def refused(gateway: Gateway, admin: Admin, key: str, path: str, *, stream: bool) -> Refusal:
    """A call that fails before its first word, in the client's dialect, with an id, logged."""
    status, headers, content = ask(gateway, key, path, stream=stream)
    body = json.loads(content)
    assert status >= 400
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == headers["request-id"] == headers["x-hyperstrate-request-id"]
    assert body["error"]["type"]
    assert body["error"]["message"]
    if path == ANTHROPIC:
        assert body["type"] == "error"
    log = admin.log(headers["x-hyperstrate-request-id"])
    assert (log["status"], log["httpStatus"], log["isStream"]) == ("error", status, stream)
    assert log["errorMessage"].startswith(body["error"]["message"])
    return Refusal(status, headers, body)


def drip(*blocks: bytes) -> Answer:
    """So slowly that the time between two reads is kept, and all the time is not."""
    return answers.raw(*blocks, close=False, delay_s=DRIP_S)


def half_silent() -> Answer:
    """A head, and then nothing."""
    head = answers.head(200, {**JSON_HEAD, "content-length": "100"})

    def play(connection: Connection) -> None:
        connection.send(head)
        connection.pause(None)

    return Answer(play)


# What a provider wishes, and what the client is told.


def events_of(content: bytes) -> list[tuple[str, Any]]:
    """Name and data of each event."""
    found = []
    for event in content.decode().removesuffix("\n\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.splitlines())
        data = lines.get("data", "null")
        found.append((lines.get("event", ""), data if data == "[DONE]" else json.loads(data)))
    return found


def words_of(path: str, content: bytes) -> str:
    words = ""
    for _, data in events_of(content):
        if not data:
            continue
        if path == ANTHROPIC and data["type"] == "content_block_delta":
            words += data["delta"]["text"]
        elif path == OPENAI and data != "[DONE]" and data.get("choices"):
            words += data["choices"][0]["delta"].get("content") or ""
    return words


def assert_ends_in_an_error(path: str, content: bytes) -> None:
    *before, (name, last) = events_of(content)
    assert last["error"]["message"]
    if path == ANTHROPIC:
        assert name == last["type"] == "error"
        assert not [data for name, data in before if name in ("message_delta", "message_stop")]
        return
    assert b"[DONE]" not in content
    assert not [data for _, data in before if data and data["choices"][0]["finish_reason"]]
