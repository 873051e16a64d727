"""What a key may be used for, as every request asks it: compiled once, answered from memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal, TypeAlias

ContentLogging = Literal["inherit", "on", "off"]
Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What is empty restricts nothing. A denied model stays denied, whatever allows it."""

    routers: frozenset[str] = frozenset()
    allowed: re.Pattern[str] | None = None
    denied: re.Pattern[str] | None = None
    networks: tuple[Network, ...] = ()
    content_logging: ContentLogging = "inherit"

    @property
    def restricts_models(self) -> bool:
        return self.allowed is not None or self.denied is not None

    def opens(self, router_id: str) -> bool:
        """Whether the key may be used on this router."""
        return not self.routers or router_id in self.routers

    def allows(self, names: Iterable[str]) -> bool:
        """Whether the key may use the model that has these names."""
        lowered = [name.lower() for name in names]
        if self.denied is not None and any(map(self.denied.match, lowered)):
            return False
        return self.allowed is None or any(map(self.allowed.match, lowered))

    def trusts(self, address: str) -> bool:
        """Whether the key may be used from this address."""
        if not self.networks:
            return True
        known = _address(address)
        return known is not None and any(known in network for network in self.networks)

    def stores(self, is_usual: bool) -> bool:
        """Whether the content of its requests is kept; ``is_usual``: what the router says."""
        return is_usual if self.content_logging == "inherit" else self.content_logging == "on"


def compiled(
    *,
    routers: Iterable[str],
    allowed: Iterable[str],
    denied: Iterable[str],
    networks: Iterable[str],
    content_logging: ContentLogging,
) -> KeyRules | None:
    """The rules of a key; None when there are none. Models are globs, networks are CIDR."""
    rules = KeyRules(
        frozenset(routers),
        _pattern(allowed),
        _pattern(denied),
        tuple(ip_network(network, strict=False) for network in networks),
        content_logging,
    )
    return None if rules == KeyRules() else rules


def _pattern(globs: Iterable[str]) -> re.Pattern[str] | None:
    """One expression for all globs: ``*`` is any letters, ``?`` one, ``[ab]`` one of these."""
    parts = [translate(glob.lower()) for glob in globs]
    return re.compile("|".join(parts)) if parts else None


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address stays one where a socket of IPv6 has seen it."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
