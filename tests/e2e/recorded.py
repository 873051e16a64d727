"""The recorded provider calls, and a way to play them through the running gateway."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import orjson
import pytest

from tests import answers
from tests.conftest import recordings
from tests.e2e.gateway import Admin, Gateway
from tests.upstreams import Answer, Provider, Request

Json: TypeAlias = dict[str, Any]
Kind = Literal["chat/completions", "messages", "embeddings"]
ABSENT = pytest.mark.skipif(
    not recordings().is_dir(),
    reason=f"no recordings in {recordings()}: set HYPERSTRATE_RECORDINGS to their folder",
)
#: Folder of recordings -> a priced model of that provider.
DEFINITIONS = {
    "openai": "chatgpt/gpt-5",
    "groq": "groq/openai/gpt-oss-120b",
    "mistral": "mistral/mistral-small",
    "openrouter": "openrouter/anthropic/claude-fable-5",
    "deepseek": "deepseek/deepseek-r1",
    "cerebras": "cerebras/gpt-oss-120b",
    "anthropic": "anthropic/claude-sonnet-4-5",
}
EMBEDDER = "openai/text-embedding-3-small"
#: The bytes of one HTTP chunk of a stream: events and characters are cut in two.
PIECE_BYTES = 997
LOGS = "/analytics/inference-logs?perPage=500"


@dataclass(frozen=True)
class Recording:
    """One call as the provider answered it; ``body`` are the bytes of the answer."""

    name: str
    provider: str
    kind: Kind
    path: str
    request: Json
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_stream(self) -> bool:
        return "event-stream" in self.headers.get("content-type", "")

    @property
    def definition(self) -> str:
        return EMBEDDER if self.kind == "embeddings" else DEFINITIONS[self.provider]

    @property
    def json(self) -> Json:
        found: Json = orjson.loads(self.body)
        return found

    @property
    def payloads(self) -> list[Json]:
        """The data of a stream's events."""
        return payloads_of(self.body)

    def answer(self) -> Answer:
        """What the provider gives for it."""
        if not self.is_stream:
            return answers.body(self.body, self.status, self.headers)
        pieces = range(0, len(self.body), PIECE_BYTES)
        blocks = [self.body[start : start + PIECE_BYTES] for start in pieces]
        return answers.sse(blocks, headers=self.headers)


@dataclass(frozen=True)
class Reply:
    """What the client got. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        found: Json = orjson.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["x-hyperstrate-request-id"]

    @property
    def dropped(self) -> set[str]:
        """The names in x-hyperstrate-dropped, without how often."""
        said = self.headers.get("x-hyperstrate-dropped", "")
        return {name.partition("[")[0] for name in said.split(", ") if name}


@dataclass(frozen=True)
class Played:
    """A call through the gateway: what the provider was asked, and what the client got."""

    request: Request
    reply: Reply


class Stage:
    """A gateway with a provider behind it that answers what it is told."""

    def __init__(self, gateway: Gateway, admin: Admin, provider: Provider) -> None:
        self.admin = admin
        self.provider = provider
        self._gateway = gateway
        self._client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        self._key = admin.key()
        self._routers: dict[str, str] = {}
        self._played: dict[str, Played] = {}

    def router(self, definition: str) -> str:
        """A router over one model whose provider is the loopback one."""
        if definition not in self._routers:
            model = self.admin.model(definition, baseUrl=self.provider.url, apiKey="sk-upstream")
            self._routers[definition] = self.admin.router(f"recorded {definition}", model)
        return self._routers[definition]

    def url(self, definition: str) -> str:
        """The base URL of an SDK's client, but for its ``/v1``."""
        return f"{self._gateway.url}/router/{self.router(definition)}"

    @property
    def key(self) -> str:
        return self._key

    def call(self, definition: str, kind: str, body: Json, answer: Answer) -> Played:
        """Send ``body`` to the router over ``definition``; its provider answers ``answer``."""
        self.provider.answers(answer)
        count = len(self.provider.requests)
        reply = self._post(f"/router/{self.router(definition)}/v1/{kind}", body)
        assert len(self.provider.requests) == count + 1, reply.body
        return Played(self.provider.requests[-1], reply)

    def play(self, recording: Recording) -> Played:
        """The recorded request, answered with the recorded response; once in a process."""
        if recording.name not in self._played:
            kind = recording.path[recording.path.index(recording.kind) :]
            self._played[recording.name] = self.call(
                recording.definition, kind, recording.request, recording.answer()
            )
        return self._played[recording.name]

    def logs(self, *, within_s: float = 30.0) -> dict[str, Json]:
        """The log line of each recording that was played, once all are there."""
        ids = {it.reply.id: name for name, it in self._played.items()}
        until = time.monotonic() + within_s
        while True:
            pages = [f"{LOGS}&routerId={router}" for router in self._routers.values()]
            lines = [line for page in pages for line in self.admin.call("GET", page)["items"]]
            found = {ids[line["id"]]: line for line in lines if line["id"] in ids}
            if len(found) == len(ids) or time.monotonic() > until:
                return found
            threading.Event().wait(0.1)

    def log(self, request_id: str, *, within_s: float = 30.0) -> Json:
        """The log line of one request, once it is there."""
        until = time.monotonic() + within_s
        while True:
            lines = {it["id"]: it for it in self.admin.call("GET", LOGS)["items"]}
            if request_id in lines or time.monotonic() > until:
                found: Json = lines[request_id]
                return found
            threading.Event().wait(0.1)

    def close(self) -> None:
        self._client.close()

    def _post(self, path: str, body: Json) -> Reply:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        self._client.request("POST", path, orjson.dumps(body), headers)
        response = self._client.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())


def payloads_of(stream: bytes) -> list[Json]:
    """The data of each event but ``[DONE]``. Events are told apart as WHATWG HTML says."""
    found = []
    for event in stream.split(b"\n\n"):
        data = [line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:")]
        if data and data != [b"[DONE]"]:
            found.append(orjson.loads(b"\n".join(data)))
    return found


@cache
def everything() -> list[Recording]:
    """Every recorded call of the paths that the gateway has."""
    folders = [recordings() / name for name in DEFINITIONS]
    paths = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    return [found for path in paths if (found := _read(path)) is not None]


def parameters(found: Iterable[Recording]) -> list[Any]:
    """The recordings as parameters of a test, named by their files."""
    return [pytest.param(recording, id=recording.name) for recording in found]


def _read(path: Path) -> Recording | None:
    call = orjson.loads(path.read_bytes())
    kinds: tuple[Kind, ...] = ("chat/completions", "messages", "embeddings")
    kind = next((kind for kind in kinds if call["path"].partition("?")[0].endswith(kind)), None)
    if kind is None:
        return None
    said = call["response"]
    body = said["body"].encode() if said["kind"] == "text" else orjson.dumps(said["body"])
    return Recording(
        f"{path.parent.name}/{path.name.removesuffix('.json')}",
        path.parent.name,
        kind,
        call["path"],
        call["request"]["body"],
        said["status"],
        said["headers"],
        body,
    )
