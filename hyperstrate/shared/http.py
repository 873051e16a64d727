"""httpx for everything off the request path (webhooks, discovery, OIDC), with the same refusal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import monotonic

import httpcore
import httpx

from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.upstream_connection import tls_context

MAX_ANSWER_BYTES = 16 * 2**20

Client = httpx.Client
Response = httpx.Response
HTTPError = httpx.HTTPError


def client(rules: AddressRules, timeout_s: float = 10, *, max_bytes: int = 0) -> Client:
    """A client that refuses addresses inside the network, follows no redirects, asks no proxy.

    ``timeout_s`` bounds each wait, and the reading of a body as a whole; ``max_bytes`` a body,
    if not MAX_ANSWER_BYTES does. Its calls raise HTTPError.
    """
    return httpx.Client(
        transport=_Transport(rules, timeout_s, max_bytes),
        timeout=timeout_s,
        trust_env=False,
        follow_redirects=False,
        headers={"accept-encoding": "identity", "user-agent": "hyperstrate"},
    )


class _Transport(httpx.HTTPTransport):
    """httpx's own, but connecting through the rules, and with an end to every answer."""

    def __init__(self, rules: AddressRules, timeout_s: float, max_bytes: int) -> None:
        super().__init__(verify=tls_context(), trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls_context(), network_backend=_CheckedBackend(rules), keepalive_expiry=5
        )
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        stream = response.stream
        if response.headers.get("content-encoding", "identity") != "identity":
            response.close()
            raise httpx.DecodingError("The answer is compressed, which was not asked for.")
        if isinstance(stream, httpx.SyncByteStream):
            size = self._max_bytes or MAX_ANSWER_BYTES
            response.stream = _BoundedStream(stream, self._timeout_s, size)
        return response


class _BoundedStream(httpx.SyncByteStream):
    """A body that may be neither endless nor endlessly slow."""

    def __init__(self, stream: httpx.SyncByteStream, seconds: float, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._deadline = monotonic() + seconds

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for block in self._stream:
            size += len(block)
            if size > self._max_bytes:
                raise httpx.ReadError(f"The answer has more than {self._max_bytes} bytes.")
            if monotonic() > self._deadline:
                raise httpx.ReadTimeout("The answer did not end in time.")
            yield block

    def close(self) -> None:
        self._stream.close()


class _CheckedBackend(httpcore.SyncBackend):
    """Resolves by the rules, then connects to the very address that was checked."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            endpoints = self._rules.resolve(host, port, timeout_s=timeout or 10)
        except ProviderError as error:
            raise httpcore.ConnectError(error.message) from None
        while True:
            _, place = endpoints.pop(0)
            try:
                return super().connect_tcp(place[0], port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not endpoints:
                    raise
