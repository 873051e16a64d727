"""handle(call) -> reply, for every path on which applications call models. Knows no Flask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import orjson
import structlog

from hyperstrate.events import CallerRefused, caller_refused
from hyperstrate.router import models_list, pipeline
from hyperstrate.router.admission import check_direct
from hyperstrate.router.body import read as read_body
from hyperstrate.router.paths import MAX_ID_LENGTH, Path
from hyperstrate.router.plan import Plans
from hyperstrate.router.ports import Ports
from hyperstrate.router.rate_headers import rate_headers
from hyperstrate.router.sessions import session_of
from hyperstrate.router.stage import Exchange, Plan, Step
from hyperstrate.router.wires import WIRES
from hyperstrate.router.wires.base import Inquiry, StreamWriter, Wire
from hyperstrate.shared.chat import ChatResult, Dialect
from hyperstrate.shared.errors import (
    AppError,
    BadRequest,
    Forbidden,
    ProviderError,
    TooManyRequests,
    Unauthorized,
)
from hyperstrate.shared.guards import (
    Caller,
    check_address,
    check_inference,
    credential_of,
    credentials_of,
)
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.schemas import UNSTORABLE, is_storable

log = structlog.get_logger(__name__)
JSON_TYPE = ("Content-Type", "application/json")
STREAM_HEADERS = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-cache"),
    ("X-Accel-Buffering", "no"),
)
#: Headers of a dialect that a client may send on to the provider.
PASSED_HEADERS = ("anthropic-beta", "anthropic-version", "openai-beta")
MAX_HEADER = 2000
_NOT_IN_HEADERS = re.compile(r"[^ -~]")


@dataclass(slots=True)
class Call:
    """A request as it came; header names are lower-case. ``caller``: known already, by cookie.
    ``address``: where it came from.

    ``steps`` becomes the trace, also of a request that fails.
    """

    path: Path
    method: str
    headers: Mapping[str, str]
    body: bytes
    caller: Caller | None = None
    address: str = ""
    cancellation: Cancellation = field(default_factory=Cancellation)
    steps: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class Reply:
    """What goes back: ``body``, or the blocks of ``stream``, which must be closed."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    stream: SseStream | None = None


class SseStream:
    """The bytes of a streamed answer: what is here already goes out in one block.

    ``when_closed`` runs as soon as nothing more is wanted of it.
    """

    def __init__(self, result: ChatResult, writer: StreamWriter) -> None:
        assert result.stream is not None
        self.when_closed: Callable[[], None] | None = None
        self._chunks = result.stream
        self._writer = writer

    def __iter__(self) -> Iterator[bytes]:
        block = b""
        try:
            for chunk in self._chunks:
                block += self._writer.chunk(chunk)
                if block and not self._chunks.is_ready:
                    yield block
                    block = b""
        except (AppError, ProviderError) as error:
            block += self._writer.error(error)
        except Exception:
            log.exception("stream_failed")
            block += self._writer.error(AppError("internal server error"))
        if block:
            yield block

    def close(self) -> None:
        """The client has the answer, or has gone: nothing more is read upstream."""
        if self.when_closed is not None:
            self.when_closed()
        self._chunks.close()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may be. Bytes, messages."""

    max_body_bytes: int
    max_messages: int


class Proxy:
    """Answers inference calls: who calls, which plan, through the pipeline, back in the dialect."""

    def __init__(self, ports: Ports, plans: Plans, limits: Limits) -> None:
        self._ports = ports
        self._plans = plans
        self._limits = limits

    def handle(self, call: Call) -> Reply:
        """Never raises: whatever goes wrong is an error in the client's dialect."""
        request_id = new_id("ilog")
        try:
            return self._answer(call, request_id)
        except (AppError, ProviderError) as error:
            if isinstance(error, Unauthorized | Forbidden):
                caller_refused.emit(CallerRefused(error.code))
            return _refusal(call, error, request_id)
        except Exception:
            log.exception("inference_failed", request_id=request_id)
            return _refusal(call, AppError("internal server error"), request_id)

    def _answer(self, call: Call, request_id: str) -> Reply:
        caller = call.caller or self._identify(call)
        check_inference(caller)
        check_address(caller, call.address)
        endpoint = call.path.endpoint
        if call.method != endpoint.method:
            raise MethodNotAllowed(f"use {endpoint.method} here")
        if len(call.path.id) > MAX_ID_LENGTH or not call.path.id.isprintable():
            raise BadRequest("invalid id")
        if endpoint.dialect is None:
            return self._models(call, caller, request_id)
        wire = WIRES[endpoint.dialect]
        inquiry = self._read(call, wire)
        plan = self._plan(call.path, caller, inquiry)
        exchange = Exchange(
            id=request_id,
            plan=plan,
            caller=caller,
            chat=inquiry.chat,
            store=self._ports.store,
            spending=self._ports.spending,
            limits=self._ports.limits,
            cancellation=call.cancellation,
            variables=dict(inquiry.variables),
            bypass_cache=inquiry.bypass_cache,
            steps=call.steps,
            session=session_of(call.headers, inquiry.session),
        )
        result = pipeline.run(exchange, self._ports.inference)
        return _reply(exchange, wire, result)

    def _identify(self, call: Call) -> Caller:
        credential = credential_of(call.headers)
        if not credential:
            raise Unauthorized("send an API key: Authorization: Bearer hs_... or x-api-key: hs_...")
        if "x-api-key" in call.headers and "authorization" in call.headers:
            return self._identify_by_two(credentials_of(call.headers))
        return self._ports.identities.from_credential(credential)

    def _identify_by_two(self, credentials: list[str]) -> Caller:
        """One of them may be wrong: SDKs send placeholders, and keys of other services."""
        found: list[Caller] = []
        refusals: list[Unauthorized] = []
        for credential in credentials:
            try:
                found.append(self._ports.identities.from_credential(credential))
            except Unauthorized as refusal:
                refusals.append(refusal)
        if not found:
            raise refusals[0]
        if len({(caller.org_id, caller.key_id, caller.user_id) for caller in found}) > 1:
            raise Unauthorized("x-api-key and Authorization name two different callers: send one")
        return found[0]

    def _read(self, call: Call, wire: Wire) -> Inquiry:
        coding = call.headers.get("content-encoding", "identity")
        if coding.lower() != "identity":
            raise UnsupportedMediaType(f"send the body as it is, without {coding[:40]}")
        body = read_body(call.body, max_bytes=self._limits.max_body_bytes)
        inquiry = wire.read(body)
        if call.path.endpoint.stream:
            inquiry.chat.stream = True
        if not is_storable(inquiry.model):
            raise BadRequest("invalid model", fields={"model": [UNSTORABLE]})
        most = self._limits.max_messages
        for messages in (body.get("messages"), body.get("history")):
            if isinstance(messages, list) and len(messages) > most:
                raise BadRequest(f"{len(messages)} messages are more than {most} (MAX_MESSAGES)")
        passed = {name: call.headers[name] for name in PASSED_HEADERS if name in call.headers}
        if passed:
            inquiry.chat.headers = passed
        return inquiry

    def _plan(self, path: Path, caller: Caller, inquiry: Inquiry) -> Plan:
        if path.place == "router":
            return self._plans.get(caller.org_id, path.id)
        if path.place == "model" or path.endpoint.dialect is Dialect.NATIVE:
            return self._direct(caller, path.id or inquiry.model)
        if caller.router_id:
            return self._plans.get(caller.org_id, caller.router_id)
        return self._plans.named(caller.org_id, inquiry.model)

    def _direct(self, caller: Caller, model_id: str) -> Plan:
        check_direct(caller)
        return self._plans.direct(caller.org_id, model_id)

    def _models(self, call: Call, caller: Caller, request_id: str) -> Reply:
        body = models_list.body(call.path, caller, self._plans)
        return Reply(200, [JSON_TYPE, *_id_headers(request_id)], orjson.dumps(body))


class MethodNotAllowed(AppError):
    status = 405
    code = "method_not_allowed"


class UnsupportedMediaType(AppError):
    status = 415
    code = "unsupported_media_type"


def guessed_dialect(headers: Any) -> Dialect:
    """What a client seems to speak on a path that is of no dialect."""
    is_anthropic = "anthropic-version" in headers
    return Dialect.ANTHROPIC_MESSAGES if is_anthropic else Dialect.OPENAI_CHAT


def _reply(exchange: Exchange, wire: Wire, result: ChatResult) -> Reply:
    headers = _headers(exchange, result)
    if result.stream is not None:
        stream = SseStream(result, wire.writer(exchange, result))
        return Reply(200, [*STREAM_HEADERS, *headers], stream=stream)
    return Reply(200, [JSON_TYPE, *headers], wire.result(exchange, result))


def _headers(exchange: Exchange, result: ChatResult) -> list[tuple[str, str]]:
    headers = [
        *_id_headers(exchange.id),
        ("x-hyperstrate-router", exchange.plan.router_id or "direct"),
        ("x-hyperstrate-cache", exchange.cache_hit_type or "miss"),
        ("x-hyperstrate-overhead-ms", f"{exchange.overhead_ms():.2f}"),
    ]
    if exchange.hold is not None:
        headers += rate_headers(exchange.hold.rates, exchange.chat.dialect)
    if exchange.target is not None:
        headers.append(("x-hyperstrate-target", exchange.target.id or "direct"))
        headers.append(("x-hyperstrate-model", exchange.target.model.definition_key))
    if result.stream is None:
        spent = sum(attempt.cost_usd for attempt in exchange.attempts)
        headers.append(("x-hyperstrate-cost-usd", f"{spent:f}"))
    dropped = [*exchange.dropped, *result.dropped]
    if dropped:
        headers.append(("x-hyperstrate-dropped", _header_text(", ".join(dict.fromkeys(dropped)))))
    return headers


def _header_text(text: str) -> str:
    """Clients and providers chose these words: no line end and no foreign letter passes."""
    return _NOT_IN_HEADERS.sub("?", text[:MAX_HEADER])


def _id_headers(request_id: str) -> list[tuple[str, str]]:
    """Our name for the request, also where the official SDKs look for one."""
    names = ("x-hyperstrate-request-id", "x-request-id", "request-id")
    return [(name, request_id) for name in names]


def _refusal(call: Call, error: AppError | ProviderError, request_id: str) -> Reply:
    wire = WIRES[call.path.endpoint.dialect or guessed_dialect(call.headers)]
    rendered = wire.error(error, request_id)
    headers = [JSON_TYPE, *_id_headers(request_id)]
    if error.retry_after_s is not None:
        headers.append(("Retry-After", str(max(1, ceil(error.retry_after_s)))))
    if isinstance(error, TooManyRequests) and error.rates is not None:
        headers += rate_headers(error.rates, call.path.endpoint.dialect)
    if isinstance(error, MethodNotAllowed):
        headers.append(("Allow", call.path.endpoint.method))
    return Reply(rendered.status, headers, rendered.body)
