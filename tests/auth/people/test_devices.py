"""What a browser or program calls itself, in three words."""

from __future__ import annotations

import pytest

from hyperstrate.auth.people.devices import name_of

MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (f"{MOZILLA} (Windows NT 10.0) {WEBKIT} Chrome/142.0 Safari/537.36", "Chrome on Windows"),
        (
            f"{MOZILLA} (Windows NT 10.0) {WEBKIT} Chrome/142.0 Safari/5 Edg/142.0",
            "Edge on Windows",
        ),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15) Version/18 Safari/605", "Safari on macOS"),
        (f"{MOZILLA} (iPhone; CPU iPhone OS 18 like Mac OS X) Safari/604", "Safari on iPhone"),
        (f"{MOZILLA} (Linux; Android 15) {WEBKIT} Chrome/142.0 Safari/5", "Chrome on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("python-requests/2.32 extra words", "python-requests/2.32"),
        ("x" * 300, "x" * 40),
        ("", "unknown"),
    ],
)
def test_a_device_is_named_in_short(user_agent: str, name: str) -> None:
    assert name_of(user_agent) == name
