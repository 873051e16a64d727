"""Guessing is slowed, without locking the owner out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from hyperstrate.auth.people.throttle import (
    PER_ACCOUNT,
    PER_ADDRESS,
    PER_PAIR,
    Throttle,
    network_of,
)
from hyperstrate.shared.errors import TooManyRequests
from hyperstrate.shared.redis_link import RedisLink
from hyperstrate.shared.store import MemoryStore, Store
from hyperstrate.shared.store_redis import RedisStore
from tests.people import PASSWORD

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    prefix = f"test-{request.node.name}"
    store = RedisStore(RedisLink(request.getfixturevalue("redis_url"), prefix, processes=1))
    yield store
    assert not store.problem()


def _guesses(throttle: Throttle, account: str, address: str, *, limit: int) -> int:
    """How many guesses pass before one is refused."""
    for made in range(limit):
        try:
            throttle.attempt(account, address)
        except TooManyRequests:
            return made
    return limit


def test_an_account_is_guessed_a_few_times_from_one_address(store: Store) -> None:
    throttle = Throttle(store)

    assert _guesses(throttle, "alice", HOME, limit=100) == PER_PAIR.burst
    with pytest.raises(TooManyRequests) as refused:
        throttle.attempt("ALICE", HOME)
    assert refused.value.retry_after_s == pytest.approx(PER_PAIR.every_s, abs=5)


def test_another_address_may_still_try(store: Store) -> None:
    throttle = Throttle(store)
    _guesses(throttle, "alice", ELSEWHERE, limit=100)

    throttle.attempt("alice", HOME)


def test_an_address_tries_only_so_many_accounts(store: Store) -> None:
    throttle = Throttle(store)

    for number in range(PER_ADDRESS.burst):
        throttle.attempt(f"user-{number}", HOME)

    with pytest.raises(TooManyRequests):
        throttle.attempt("one more", HOME)


def test_many_addresses_together_are_slowed(store: Store) -> None:
    throttle = Throttle(store)

    passed = sum(_guesses(throttle, "alice", f"10.0.0.{host}", limit=5) for host in range(20))

    assert passed == PER_ACCOUNT.burst


def test_an_attack_from_many_addresses_does_not_lock_the_owner_out(store: Store) -> None:
    throttle = Throttle(store)
    throttle.attempt("alice", HOME)
    throttle.succeeded("alice", HOME)
    for host in range(20):
        _guesses(throttle, "alice", f"10.0.0.{host}", limit=5)

    throttle.attempt("alice", HOME)

    with pytest.raises(TooManyRequests):
        throttle.attempt("alice", ELSEWHERE)


def test_signing_in_often_is_no_guessing(store: Store) -> None:
    throttle = Throttle(store)

    for _ in range(3 * PER_ADDRESS.burst):
        throttle.attempt("alice", HOME)
        throttle.succeeded("alice", HOME)


def test_a_provider_s_customer_is_one_address_in_ipv6() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9")
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")
    assert network_of("fe80::1%eth0") == network_of("fe80::1")
    assert network_of("") == network_of("no address")


def test_the_api_says_when_to_come_back(client_as: Callable[[None], FlaskClient]) -> None:
    client = client_as(None)
    guess = {"email": "bob@example.com", "password": "wrong"}
    for _ in range(PER_PAIR.burst):
        assert client.post("/auth/login", json=guess).status_code == 401

    refused = client.post("/auth/login", json={**guess, "password": PASSWORD})

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= PER_PAIR.every_s
    assert refused.json == {"error": "too many attempts; wait a little"}
