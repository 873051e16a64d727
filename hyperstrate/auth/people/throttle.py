"""Slows the guessing of passwords: per address, per account from an address, and per account."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, ip_address

from hyperstrate.shared.errors import TooManyRequests
from hyperstrate.shared.store import Store

KNOWN_FOR_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Limit:
    """``burst`` guesses at once, then one every ``every_s`` seconds."""

    burst: int
    every_s: float


PER_ADDRESS = Limit(60, 5)
PER_PAIR = Limit(10, 30)
PER_ACCOUNT = Limit(50, 20)


class Throttle:
    """Counts guesses in the store, so that all processes count alike.

    Strangers who use up an account's guesses do not lock its owner out: an address from which the
    account was opened lately is counted by itself only.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def attempt(self, account: str, address: str) -> None:
        """Count one guess before it is made. Raises TooManyRequests."""
        name, place = _digest(account), network_of(address)
        self._take(f"auth:address:{place}", PER_ADDRESS)
        self._take(f"auth:pair:{name}:{place}", PER_PAIR)
        if self._store.get(_known(name, place)) is None:
            self._take(f"auth:account:{name}", PER_ACCOUNT)

    def succeeded(self, account: str, address: str) -> None:
        """The guess was right: give it back, and remember the address."""
        name, place = _digest(account), network_of(address)
        self._give_back(f"auth:address:{place}", PER_ADDRESS)
        self._give_back(f"auth:pair:{name}:{place}", PER_PAIR)
        self._store.set(_known(name, place), b"1", ttl_s=KNOWN_FOR_S)

    def _take(self, key: str, limit: Limit) -> None:
        taken = self._store.take(key, rate=1 / limit.every_s, burst=limit.burst)
        if not taken.is_allowed:
            raise TooManyRequests(
                "too many attempts; wait a little", retry_after_s=taken.retry_after_s
            )

    def _give_back(self, key: str, limit: Limit) -> None:
        self._store.take(key, rate=1 / limit.every_s, burst=limit.burst, cost=-1)


def network_of(address: str) -> str:
    """The address, or its /64: one customer of an IPv6 provider has at least that many."""
    with suppress(ValueError):
        found = ip_address(address.partition("%")[0])
        if isinstance(found, IPv4Address):
            return str(found)
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else f"{found.exploded[:19]}::/64"
    return "unknown"


def _digest(account: str) -> str:
    return sha256(account.lower().encode()).hexdigest()[:32]


def _known(name: str, place: str) -> str:
    return f"auth:known:{name}:{place}"
