"""Only the one other origin may read answers; preflights are answered before anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.test import Client

from hyperstrate.shared.cors import Cors

FRIEND = "https://console.example.com"


def application(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


client = Client(Cors(application, FRIEND))


def test_the_friend_may_read_the_answer() -> None:
    answer = client.get("/router", headers={"Origin": FRIEND})

    assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.data == b"hello"


def test_a_preflight_is_answered_at_once() -> None:
    asked = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, x-stainless-os",
    }

    answer = client.options("/router/x", headers=asked)

    assert answer.status_code == 204
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, x-stainless-os"


def test_a_stranger_gets_no_permission() -> None:
    answer = client.get("/router", headers={"Origin": "https://evil.example.com"})

    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_request_without_an_origin_is_left_alone() -> None:
    assert "Vary" not in client.get("/router").headers
