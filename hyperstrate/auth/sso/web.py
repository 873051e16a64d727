"""What is asked of identity providers: bounded, checked to be JSON, and remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson
from cachetools import TTLCache

from hyperstrate.shared.addresses import AddressRules, parse_url
from hyperstrate.shared.errors import AppError
from hyperstrate.shared.locks import brief_lock

if TYPE_CHECKING:
    from hyperstrate.shared import http

TIMEOUT_S = 8.0
MAX_BYTES = 2**20
KEPT_FOR_S = 3600.0
FAILURE_KEPT_FOR_S = 5.0
REFETCH_AFTER_S = 5.0


class ProviderFailed(AppError):
    """An identity provider is away, or answered what cannot be used."""

    status = 502
    code = "identity_provider_failed"


class Web:
    """The one way to identity providers. Addresses inside the network are refused as elsewhere."""

    def __init__(
        self,
        rules: AddressRules,
        *,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._timeout_s = timeout_s
        self._clock = clock
        self._lock = brief_lock()
        self._documents: TTLCache[str, tuple[float, Any]] = TTLCache(256, KEPT_FOR_S, timer=clock)
        self._failures: TTLCache[str, str] = TTLCache(256, FAILURE_KEPT_FOR_S, timer=clock)

    def document(self, url: str, *, is_fresh: bool = False) -> dict[str, Any]:
        """A JSON object that seldom changes, fetched once an hour. Raises ProviderFailed.

        ``is_fresh``: fetched anew, unless that was done a moment ago; strangers can ask for it.
        """
        with self._lock:
            kept, failure = self._documents.get(url), self._failures.get(url)
        if kept and not (is_fresh and self._clock() - kept[0] > REFETCH_AFTER_S):
            return dict(kept[1])
        if failure:
            raise ProviderFailed(failure)
        try:
            found = self.json(url)
        except ProviderFailed as error:
            with self._lock:
                self._failures[url] = error.message
            raise
        with self._lock:
            self._documents[url] = (self._clock(), found)
        return dict(found)

    def forget(self, url: str) -> None:
        """Ask anew the next time."""
        with self._lock:
            self._documents.pop(url, None)
            self._failures.pop(url, None)

    def json(self, url: str, *, token: str = "") -> dict[str, Any]:
        """The JSON object at ``url``, for the bearer of ``token``. Raises ProviderFailed."""
        found = self.any_json(url, token=token)
        if not isinstance(found, dict):
            raise ProviderFailed(f"{host_of(url)} did not answer with a JSON object.")
        return found

    def any_json(self, url: str, *, token: str = "") -> Any:
        """The JSON at ``url``, of whatever kind. Raises ProviderFailed."""
        headers = {"accept": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        response = self._send("GET", url, headers=headers)
        if response.status_code != 200:
            raise ProviderFailed(f"{host_of(url)} answered {response.status_code}, not 200.")
        try:
            return orjson.loads(response.content)
        except orjson.JSONDecodeError:
            raise ProviderFailed(f"{host_of(url)} did not answer with JSON.") from None

    def post(self, url: str, body: str, headers: Mapping[str, str]) -> http.Response:
        """The answer to a posted form, of any status. Raises ProviderFailed."""
        return self._send("POST", url, content=body.encode(), headers=dict(headers))

    def close(self) -> None:
        self._client.close()

    @cached_property
    def _client(self) -> http.Client:
        from hyperstrate.shared import http  # takes long, and few need it

        return http.client(self._rules, self._timeout_s, max_bytes=MAX_BYTES)

    def _send(self, method: str, url: str, **options: Any) -> http.Response:
        from hyperstrate.shared import http  # see above

        try:
            return self._client.request(method, url, **options)
        except http.HTTPError as error:
            said = str(error).rstrip(".") or type(error).__name__
            raise ProviderFailed(f"{host_of(url)} could not be asked: {said}.") from error


def host_of(url: str) -> str:
    """The host that a URL names, for people."""
    try:
        return parse_url(url).authority
    except ValueError:
        return "the address of the provider"
