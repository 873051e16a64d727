from __future__ import annotations

import time
from email.utils import formatdate

import orjson
import pytest

from hyperstrate.ai.providers.openai_errors import read_error
from hyperstrate.shared.chat import Dialect, Json


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, "bad_request", False),
        (401, "authentication", False),
        (402, "permission", False),
        (403, "permission", False),
        (404, "not_found", False),
        (408, "timeout", True),
        (413, "too_large", False),
        (418, "bad_request", False),
        (422, "bad_request", False),
        (429, "rate_limited", True),
        (498, "overloaded", True),
        (500, "server_error", True),
        (502, "server_error", True),
        (503, "overloaded", True),
        (504, "timeout", True),
        (529, "overloaded", True),
    ],
)
def test_a_status_has_its_kind_and_stays(status: int, kind: str, retryable: bool) -> None:
    body = orjson.dumps({"error": {"message": "no", "type": "x", "code": "y"}})

    error = read_error(status, {}, body)

    assert (error.status, error.kind, error.retryable) == (status, kind, retryable)
    assert (error.message, error.code) == ("no", "y")
    assert (error.body, error.dialect) == (body, Dialect.OPENAI_CHAT)


def test_no_money_is_not_worth_another_try() -> None:
    body = orjson.dumps({"error": {"message": "pay", "code": "insufficient_quota"}})

    error = read_error(429, {}, body)

    assert (error.kind, error.retryable) == ("rate_limited", False)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, {"code": "context_length_exceeded", "message": "too long"}),
        (500, {"message": "This model's maximum context length is 8 tokens"}),
    ],
)
def test_a_request_that_is_too_long_is_the_callers_to_mend(status: int, said: Json) -> None:
    error = read_error(status, {}, orjson.dumps({"error": said}))

    assert (error.kind, error.retryable) == ("bad_request", False)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"object":"error","message":"no","type":"x","code":"1"}', "no"),
        (b'{"message":{"detail":[{"msg":"no"}]}}', '{"detail":[{"msg":"no"}]}'),
        (b'{"detail":"no"}', "no"),
        (b'{"error":"no"}', "no"),
        (b"", "the provider answered 502"),
        (b"{}", "the provider answered 502"),
        (b"upstream down", "the provider answered 502"),
    ],
)
def test_other_bodies_give_their_words_but_not_their_form(body: bytes, message: str) -> None:
    error = read_error(502, {}, body)

    assert error.message == message
    assert (error.body, error.dialect) == (body, None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<style>b{}</style><h1>Bad  gateway</h1><!-- no > -->\n<hr>", "Bad gateway"),
        (b"upstream down", "upstream down"),
        (b"down\x00\x1b[31m\r\nX-Log: forged\xe2\x80\xae", "down [31m X-Log: forged"),
        (
            b"no route for Bearer abcdefghijkl and sk-abcdefghijkl",
            "no route for Bearer *** and ***",
        ),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'{"oops": "cell 7"}', '{"oops": "cell 7"}'),
    ],
)
def test_what_a_page_says_is_for_the_log_or_for_who_is_at_fault(body: bytes, words: str) -> None:
    theirs, ours = read_error(503, {}, body), read_error(404, {}, body)

    assert (theirs.message, theirs.detail) == ("the provider answered 503", words)
    assert (ours.message, ours.detail) == (f"the provider answered 404: {words}", "")


def test_a_page_without_end_is_cut() -> None:
    error = read_error(500, {}, b"x" * 1_000_000)

    assert (len(error.detail), len(error.message)) == (500, 25)
    assert error.body is not None
    assert len(error.body) == 64_000


def test_a_redirect_is_no_answer() -> None:
    error = read_error(302, {}, b"")

    assert (error.kind, error.status) == ("bad_answer", 502)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2.5s"}, 62.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "6m0s"}, None),
        ({"x-ratelimit-remaining-tokens": "0"}, None),
    ],
)
def test_the_wish_to_wait_is_kept(headers: dict[str, str], seconds: float | None) -> None:
    error = read_error(429, headers, b"{}")

    assert error.retry_after_s == (None if seconds is None else pytest.approx(seconds))


def test_the_wish_to_wait_may_be_a_date() -> None:
    headers = {"retry-after": formatdate(time.time() + 30, usegmt=True)}

    wish = read_error(503, headers, b"{}").retry_after_s

    assert wish is not None
    assert 25 < wish <= 30
    assert read_error(503, {"retry-after": formatdate(0, usegmt=True)}, b"").retry_after_s == 0
