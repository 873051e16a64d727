from __future__ import annotations

import time
from email.utils import formatdate

import orjson
import pytest

from hyperstrate.ai.providers.anthropic import Anthropic
from hyperstrate.ai.providers.base import Provider
from hyperstrate.shared.chat import (
    Dialect,
)
from hyperstrate.shared.errors import ProviderError

PROVIDER: Provider = Anthropic()


def refusal(status: int, kind: str, **headers: str) -> ProviderError:
    body = orjson.dumps({"type": "error", "error": {"type": kind, "message": "no"}})
    return PROVIDER.error(
        status, {name.replace("_", "-"): it for name, it in headers.items()}, body
    )


@pytest.mark.parametrize(
    ("status", "kind", "expected", "retryable"),
    [
        (400, "invalid_request_error", "bad_request", False),
        (401, "authentication_error", "authentication", False),
        (402, "billing_error", "permission", False),
        (403, "permission_error", "permission", False),
        (404, "not_found_error", "not_found", False),
        (413, "request_too_large", "too_large", False),
        (429, "rate_limit_error", "rate_limited", True),
        (500, "api_error", "server_error", True),
        (504, "timeout_error", "timeout", True),
        (529, "overloaded_error", "overloaded", True),
        (500, "overloaded_error", "overloaded", True),
        (418, "a_new_error", "bad_request", False),
        (520, "a_new_error", "server_error", True),
    ],
)
def test_a_refusal_has_its_kind(status: int, kind: str, expected: str, retryable: bool) -> None:
    error = refusal(status, kind)

    assert (error.kind, error.status, error.retryable) == (expected, status, retryable)
    assert (error.message, error.code, error.dialect) == ("no", kind, Dialect.ANTHROPIC_MESSAGES)


def test_a_wish_to_wait_is_kept() -> None:
    soon = formatdate(time.time() + 30, usegmt=True)

    assert refusal(429, "rate_limit_error", retry_after="7.5").retry_after_s == 7.5
    assert 25 < (refusal(429, "rate_limit_error", retry_after=soon).retry_after_s or 0) <= 30
    assert refusal(429, "rate_limit_error", retry_after="later").retry_after_s is None
    assert refusal(429, "rate_limit_error").retry_after_s is None


@pytest.mark.parametrize("wish", ["inf", "nan", "-3", "9" * 20, "Mon, 01 Jan 99999 00:00:00 GMT"])
def test_a_wish_that_is_no_time_is_none(wish: str) -> None:
    assert refusal(429, "rate_limit_error", retry_after=wish).retry_after_s is None


def test_a_redirect_is_a_bad_answer() -> None:
    error = PROVIDER.error(302, {"location": "http://10.0.0.1/"}, b"")

    assert (error.kind, error.status) == ("bad_answer", 502)


def test_the_provider_has_the_last_word_on_retries() -> None:
    assert not refusal(529, "overloaded_error", x_should_retry="false").retryable
    assert refusal(400, "invalid_request_error", x_should_retry="true").retryable


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b'{"error": "no"}', b"\xff"])
def test_the_page_of_a_proxy_is_not_taken_for_anthropics_words(body: bytes) -> None:
    error = PROVIDER.error(502, {}, body)

    assert (error.kind, error.body, error.dialect) == ("server_error", body, None)
    assert error.message == "the provider answered 502"


def test_what_a_page_says_is_for_the_log_or_for_who_is_at_fault() -> None:
    page = b"<title>Bad gateway</title><p>cell 7 sk-ant-abcdefghijkl"

    theirs, ours = PROVIDER.error(502, {}, page), PROVIDER.error(404, {}, page)

    assert theirs.message == "the provider answered 502"
    assert theirs.detail == "Bad gateway cell 7 ***"
    assert (ours.message, ours.detail) == ("the provider answered 404: Bad gateway cell 7 ***", "")
