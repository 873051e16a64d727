"""No key, token or password stands in a log, wherever it came from (field 36, CVE lesson d)."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator

import pytest
import structlog

from hyperstrate.shared import logging as ours
from hyperstrate.shared.logging import mask

Lines = Callable[[], str]
CANARIES = [
    "hs_CanaryCanaryCanary123",
    "whsec_CanaryCanaryCanary",
    "sk-Canary-Canary-Canary",
    "sk-ant-api03-CanaryCanary",
    "sk_CanaryCanary",
    "gsk_CanaryCanaryCanary",
    "xai-CanaryCanaryCanary",
    "AIzaCanaryCanaryCanary",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Canary",
]
IN_PLACE = [
    "Authorization: Bearer Canary-opaque",
    "authorization: Basic Canary",
    "{'x-api-key': 'Canary', 'accept': 'text/plain'}",
    '{"x-goog-api-key": "Canary"}',
    "api-key: Canary",
    "Cookie: session=Canary; other=Canary",
    "https://generativelanguage.googleapis.com/v1/models?alt=sse&key=Canary",
    "postgresql://user:Canary@db.internal:5432/app",
    "redis://:Canary@cache:6379/0",
]


@pytest.fixture(params=[True, False], ids=["production", "development"])
def lines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What was written, in both forms; afterwards logging is as it was."""
    stream = io.StringIO()
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", stream)
    ours.configure("info", as_json=request.param)
    yield stream.getvalue
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize("canary", [*CANARIES, *IN_PLACE])
def test_no_canary_comes_through(lines: Lines, canary: str) -> None:
    log = structlog.get_logger("canaries")
    error = ValueError(f"upstream said: {canary} is wrong")

    log.warning(canary, text=canary, error=error, data=canary.encode())
    log.warning("nested", call={"url": [canary], "more": ({"deep": canary},)})
    log.bind(bound=canary).warning("bound")
    try:
        raise error
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("%s", canary)
    logging.getLogger("library").warning("said %s", canary)

    assert "Canary" not in lines()
    assert lines().count("Traceback") == 2


@pytest.mark.parametrize(
    "name", ["api_key", "apiKey", "x-api-key", "Authorization", "password", "jwt_secret",
             "setup_token", "cookie"],
)  # fmt: skip
def test_what_is_named_as_a_secret_is_none_of_the_logs_business(lines: Lines, name: str) -> None:
    log = structlog.get_logger("canaries")

    log.warning("said", **{name: "opaque-canary"}, headers={name: ["opaque-canary"]})

    assert "opaque-canary" not in lines()


def test_numbers_and_plain_words_stay(lines: Lines) -> None:
    structlog.get_logger("plain").warning(
        "request_done", input_tokens=12, cost=0.5, ok=True, nothing=None, model="gpt-5",
        path="/router/rtr_01/v1/messages", tasks="risk-management-system ask-everybody-now",
    )  # fmt: skip

    written = lines()
    for word in ("request_done", "12", "0.5", "gpt-5", "rtr_01", "risk-management-system"):
        assert word in written


def test_production_writes_one_line_of_json_for_each_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", stream)
    ours.configure("warning", as_json=True)
    try:
        structlog.get_logger("x").info("quiet")
        structlog.get_logger("x").warning("two\nlines", count=1)
        logging.getLogger("library").error("from a library")
    finally:
        structlog.configure(**before)
        root.handlers[:], root.level = handlers, level

    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["count"], first["level"]) == ("two\nlines", 1, "warning")
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"]) == ("from a library", "error")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Incorrect API key provided: sk-abcdef0123456789.", "Incorrect API key provided: ***."),
        ("GET https://x/?key=abc&alt=sse failed", "GET https://x/?key=***&alt=sse failed"),
        ("postgresql://u:p@db/app is away", "postgresql://***@db/app is away"),
        (
            "password: must have at least 12 characters",
            "password: must have at least 12 characters",
        ),
        ("sk-short", "sk-short"),
        ("a task-oriented-approach", "a task-oriented-approach"),
        ("", ""),
    ],
)
def test_what_is_left_still_says_what_happened(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_a_long_text_is_masked_in_little_time() -> None:
    text = ("ey" * 50 + "." + "://" + "a" * 100 + ":") * 2000

    assert mask(text)
