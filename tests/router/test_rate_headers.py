"""What is left of limits, in the words of each dialect."""

from __future__ import annotations

import time

from hyperstrate.router.rate_headers import rate_headers
from hyperstrate.shared.chat import Dialect
from hyperstrate.shared.rates import Rates, Room


def test_openai_s_names() -> None:
    rates = Rates(Room(60, 59, 60.4), Room(1000, 0, 0.25))

    assert rate_headers(rates, Dialect.OPENAI_CHAT) == [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "1m0s"),
        ("x-ratelimit-limit-tokens", "1000"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "250ms"),
    ]


def test_anthropic_s_names_stand_beside_them() -> None:
    found = dict(rate_headers(Rates(Room(5, 4, 30)), Dialect.ANTHROPIC_MESSAGES))

    assert found["x-ratelimit-reset-requests"] == "30s"
    assert found["anthropic-ratelimit-requests-limit"] == "5"
    assert found["anthropic-ratelimit-requests-remaining"] == "4"
    at = time.strptime(found["anthropic-ratelimit-requests-reset"], "%Y-%m-%dT%H:%M:%SZ")
    assert time.mktime(at) - time.mktime(time.gmtime()) in range(27, 33)


def test_shares_are_said() -> None:
    headers = rate_headers(Rates(is_degraded=True), Dialect.NATIVE)

    assert headers == [("x-hyperstrate-degraded", "limits")]
