"""Which addresses may be called: those inside the network only when the operator lists them."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from hyperstrate.shared.errors import BadRequest, ProviderError

MAX_URL_LENGTH = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}
IP: TypeAlias = IPv4Address | IPv6Address
Endpoint: TypeAlias = tuple[socket.AddressFamily, Any]
OriginKey: TypeAlias = tuple[str, str, int]

# IANA special-purpose registry, plus the platform address of Azure, which looks public.
_INSIDE_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
        "240.0.0.0/4",
    )
)  # fmt: skip
# Of IPv6 only 2000::/3 is public; 2001::/23 holds Teredo, the last two are documentation.
_PUBLIC_V6 = IPv6Network("2000::/3")
_INSIDE_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL, taken apart. ``target`` is path and query; ``authority`` the Host header."""

    scheme: str
    host: str
    port: int
    authority: str
    target: str

    @property
    def origin(self) -> OriginKey:
        """Scheme, host and port: what a connection can be used for."""
        return self.scheme, self.host, self.port


@lru_cache(maxsize=4096)
def parse_url(url: str) -> Address:
    """Read an absolute URL strictly: what readers could understand differently is refused.

    Raises ValueError with what is wrong.
    """
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"must not be longer than {MAX_URL_LENGTH} characters")
    if re.search(r"[\x00-\x20\x7f\\]|\s", url):
        raise ValueError("must not contain spaces, control characters or backslashes")
    parts, port = _split(url)
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("must start with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user name or password")
    if "#" in url:
        raise ValueError("must not contain a fragment (#)")
    host = _host(parts.hostname or "")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii():
        raise ValueError("must be percent-encoded beyond ASCII")
    name = f"[{host}]" if ":" in host else host
    authority = name if port == DEFAULT_PORTS[parts.scheme] else f"{name}:{port}"
    return Address(parts.scheme, host, port, authority, target)


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("must have a valid host and port") from None
    if port == 0:
        raise ValueError("must have a valid host and port")
    return parts, port


def _host(name: str) -> str:
    """The host in the one spelling that is looked up: lower case, punycode, no trailing dot."""
    try:
        host = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        raise ValueError("has a host name that is not valid") from None
    host = host.lower().removesuffix(".")
    if not re.fullmatch(r"[a-z0-9._-]{1,253}|[0-9a-f]*:[0-9a-f:.]+(%[a-z0-9._-]+)?", host):
        raise ValueError("must have a valid host name")
    return host


class AddressRules:
    """What of the inside may be called: ``allowed`` has host names, addresses, networks or ``*``.

    The rule is applied to the address that is then connected to, so a name that resolves
    differently the second time gains nothing.
    """

    def __init__(self, allowed: tuple[str, ...]) -> None:
        words = [word.strip().lower().removesuffix(".") for word in allowed]
        self._is_open = "*" in words
        self._networks = [network for word in words if (network := _network(word))]
        self._names = {word for word in words if not _network(word)}

    def permits(self, address: IP) -> bool:
        """Whether this address may be called: public, or allowed."""
        address = _target_of(address)
        if self._is_open or any(address in network for network in self._networks):
            return True
        if isinstance(address, IPv4Address):
            return not any(address in network for network in _INSIDE_V4)
        return address in _PUBLIC_V6 and not any(address in network for network in _INSIDE_V6)

    def resolve(self, host: str, port: int, *, timeout_s: float = 5.0) -> list[Endpoint]:
        """The family and socket address of each permitted address of ``host``.

        Raises ProviderError: ``connection`` when there is none, ``timeout``, and ``permission``
        when all are inside the network.
        """
        host = host.lower().removesuffix(".")
        found = list(_numeric(host, port)) or _look_up(host, port, timeout_s)
        permitted = found if host in self._names else [e for e in found if self._permits(e)]
        if not permitted:
            raise ProviderError(_refusal(host), kind="permission", status=502, retryable=False)
        return permitted

    def check_base_url(self, url: str, *, name: str = "base URL", field: str = "base_url") -> None:
        """Refuse what can never be called, without asking DNS. Raises BadRequest.

        ``name`` is how people call the URL, ``field`` where they gave it.
        """
        try:
            address = parse_url(url)
        except ValueError as error:
            text = f"The {name} {error}."
            raise BadRequest(text, fields={field: [text]}) from None
        is_local = address.host == "localhost" or address.host.endswith(".localhost")
        names = ["127.0.0.1", "::1"] if is_local else [address.host]
        literals = [endpoint for name in names for endpoint in _numeric(name, address.port)]
        if not literals or address.host in self._names or any(map(self._permits, literals)):
            return
        text = _refusal(address.host)
        raise BadRequest(text, fields={field: [text]})

    def _permits(self, endpoint: Endpoint) -> bool:
        return self.permits(ip_address(endpoint[1][0]))


def _refusal(host: str) -> str:
    return (
        f"{host} is an address inside the network; "
        "only those listed in ALLOW_PRIVATE_UPSTREAMS may be called."
    )


def _network(word: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(word, strict=False)
    except ValueError:
        return None


def _target_of(address: IP) -> IP:
    """Where a packet ends up: the IPv4 address inside a mapped, NAT64 or 6to4 address."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


@lru_cache(maxsize=1024)
def _numeric(host: str, port: int) -> tuple[Endpoint, ...]:
    """``host`` as the system reads a number, in whatever spelling (127.1, 0x7f000001).

    Remembered, for gevent lets a thread read it.
    """
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        return ()
    return tuple((family, address) for family, _, _, _, address in found)


def _look_up(host: str, port: int, timeout_s: float) -> list[Endpoint]:
    """Ask the system's resolver, which knows no timeout, on a thread of its own."""
    found: list[Endpoint] = []
    done = threading.Event()

    def ask() -> None:
        try:
            answer = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend((family, address) for family, _, _, _, address in answer)
        except (OSError, UnicodeError):
            found.clear()
        finally:
            done.set()

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    if not done.wait(timeout_s):
        raise ProviderError(f"{host} could not be looked up in time.", kind="timeout")
    if not found:
        raise ProviderError(f"There is no host {host}.", kind="connection")
    return found
