"""Several processes are one gateway; and what does not start says why, in one line."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import Admin, Gateway, running

ASK = {"model": "any", "messages": [{"role": "user", "content": "Hello"}]}
A_SECOND_LATER = threading.Event()  # the promise is a second, so that is what is waited


@pytest.fixture(scope="module")
def pair(folder: Path, redis_url: str) -> Iterator[Gateway]:
    """Two worker processes that share a Redis."""
    with running(folder / "pair", WEB_CONCURRENCY="2", REDIS_URL=redis_url) as gateway:
        Admin(gateway).set_up()
        yield gateway


@pytest.fixture(scope="module")
def admin(pair: Gateway) -> Admin:
    found = Admin(pair)
    found.sign_in()
    return found


def ask(gateway: Gateway, key: str, times: int = 1) -> list[tuple[int, str]]:
    """Status and target of so many calls, each on a connection of its own."""
    headers = {"Authorization": f"Bearer {key}"}
    answers = [gateway.request("POST", "/v1/chat/completions", ASK, headers) for _ in range(times)]
    return [(status, found.get("x-hyperstrate-target", "")) for status, found, _ in answers]


def test_round_robin_is_even_over_both(pair: Gateway, admin: Admin) -> None:
    models = [admin.model("dummy") for _ in range(3)]
    key = admin.key(admin.router("even", *models, strategy="round_robin"))

    targets = Counter(target for _, target in ask(pair, key, times=30))

    assert sorted(targets.values()) == [10, 10, 10]


def test_a_limit_holds_over_both(pair: Gateway, admin: Admin) -> None:
    limit = {"rps": 0.01, "burst": 20}
    key = admin.key(admin.router("limited", admin.model("dummy"), rate_limit=limit))

    statuses = Counter(status for status, _ in ask(pair, key, times=40))

    assert statuses == {200: 20, 429: 20}


def test_a_disabled_key_is_refused_by_both_within_a_second(pair: Gateway, admin: Admin) -> None:
    router = admin.router("disabled", admin.model("dummy"))
    issued = admin.call("POST", "/auth/api-keys", {"name": "soon gone", "routerId": router})
    assert {status for status, _ in ask(pair, issued["key"], times=10)} == {200}

    admin.call("PATCH", f"/auth/api-keys/{issued['id']}", {"isEnabled": False})
    A_SECOND_LATER.wait(1)

    assert {status for status, _ in ask(pair, issued["key"], times=20)} == {401}


def test_an_edited_router_is_seen_by_both_within_a_second(pair: Gateway, admin: Admin) -> None:
    router = admin.router("edited", admin.model("dummy"))
    key = admin.key(router)
    assert {status for status, _ in ask(pair, key, times=10)} == {200}

    admin.call("PATCH", f"/router/{router}", {"status": "inactive"})
    A_SECOND_LATER.wait(1)

    assert {status for status, _ in ask(pair, key, times=20)} == {422}


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY: more than one process needs REDIS_URL"),
        ({"PORT": "abc"}, "PORT: must be a whole number"),
        ({"DATABASE_DSN": "mysql://a@b/c"}, "DATABASE_DSN: must be postgres"),
        ({"APP_ENV": "production"}, "JWT_SECRET: must be set in production"),
        (
            {"APP_ENV": "production", "JWT_SECRET": "x" * 40},
            "SECRET_KEYS: must be set in production",
        ),
    ],
    ids=["two without Redis", "port", "database", "no JWT_SECRET", "no SECRET_KEYS"],
)
def test_what_does_not_start_says_why_in_one_line(
    environment: dict[str, str], complaint: str, tmp_path: Path
) -> None:
    said = Gateway(tmp_path, {}).refusal(**environment)

    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) == 1, said
    assert complaint in lines[0]
