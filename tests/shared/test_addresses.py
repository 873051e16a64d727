"""Addresses inside the network are refused in every spelling, unless the operator lists them."""

from __future__ import annotations

import socket
import threading
from ipaddress import ip_address
from typing import Any

import pytest

from hyperstrate.shared.addresses import AddressRules, parse_url
from hyperstrate.shared.errors import BadRequest, ProviderError

INSIDE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1",
    "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1",
    "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1", "2001::1", "2001:0:4136:e378::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
]  # fmt: skip
OUTSIDE = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "168.63.129.17",
    "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
]  # fmt: skip
LOOPBACK_SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
    "017700000001", "127.0.0.1.", "LOCALHOST", "localhost", "localhost.", "0", "0.0.0.0",
]  # fmt: skip


@pytest.mark.parametrize("address", OUTSIDE)
def test_permits_public_addresses(address: str) -> None:
    assert AddressRules(()).permits(ip_address(address))


@pytest.mark.parametrize("address", INSIDE)
def test_refuses_addresses_inside(address: str) -> None:
    assert not AddressRules(()).permits(ip_address(address))


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
def test_refuses_loopback_in_every_spelling_at_connect_time(host: str) -> None:
    with pytest.raises(ProviderError, match="ALLOW_PRIVATE_UPSTREAMS") as caught:
        AddressRules(()).resolve(host, 80)

    assert (caught.value.kind, caught.value.status) == ("permission", 502)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("*", "10.0.0.1"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("10.0.0.7/8", "10.1.2.3"),
        ("192.168.1.5", "192.168.1.5"),
        ("fd00::/8", "fd12::1"),
        ("127.0.0.0/8", "::ffff:127.0.0.1"),
        ("10.0.0.0/8", "64:ff9b::a00:1"),
    ],
)
def test_permits_what_is_listed(allowed: str, address: str) -> None:
    assert AddressRules((allowed,)).permits(ip_address(address))


def test_a_list_opens_nothing_else() -> None:
    rules = AddressRules(("10.0.0.0/8", "ollama.lan"))

    assert not rules.permits(ip_address("192.168.0.1"))
    assert not rules.permits(ip_address("127.0.0.1"))


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "localhost."])
def test_a_listed_name_may_be_inside(host: str) -> None:
    endpoints = AddressRules(("LOCALHOST",)).resolve(host, 8080)

    assert {place[0] for _, place in endpoints} <= {"127.0.0.1", "::1"}
    assert {place[1] for _, place in endpoints} == {8080}


def test_a_listed_name_does_not_open_its_address_to_others() -> None:
    with pytest.raises(ProviderError):
        AddressRules(("localhost",)).resolve("127.0.0.1", 80)


def test_keeps_only_the_permitted_of_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, "10.0.0.1", "93.184.215.14", "169.254.169.254")

    endpoints = AddressRules(()).resolve("rebinding.example", 443)

    assert [place[0] for _, place in endpoints] == ["93.184.215.14"]


def test_a_name_that_points_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, "169.254.169.254")

    with pytest.raises(ProviderError, match="is an address inside"):
        AddressRules(()).resolve("metadata.example", 80)


def test_an_unknown_host_is_a_failed_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch)

    with pytest.raises(ProviderError, match="There is no host") as caught:
        AddressRules(()).resolve("nowhere.example", 80)

    assert caught.value.kind == "connection"


def test_a_resolver_that_does_not_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    release = _resolve_never(monkeypatch)

    with pytest.raises(ProviderError, match="looked up in time") as caught:
        AddressRules(()).resolve("slow.example", 80, timeout_s=0.05)

    release.set()
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "target"),
    [
        ("https://api.example", "api.example", 443, "api.example", "/"),
        ("https://API.Example./v1", "api.example", 443, "api.example", "/v1"),
        ("http://a.example:8080/v1?x=1", "a.example", 8080, "a.example:8080", "/v1?x=1"),
        ("http://[2606:4700::1111]/v1", "2606:4700::1111", 80, "[2606:4700::1111]", "/v1"),
        ("http://bücher.example/", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/"),
        ("http://１２７.0.0.1/", "127.0.0.1", 80, "127.0.0.1", "/"),
    ],
)
def test_reads_a_url(url: str, host: str, port: int, authority: str, target: str) -> None:
    address = parse_url(url)

    assert (address.host, address.port) == (host, port)
    assert (address.authority, address.target) == (authority, target)


@pytest.mark.parametrize(
    "url",
    [
        "", "api.example/v1", "ftp://api.example", "file:///etc/passwd", "http://", "http:///x",
        "http://user@api.example", "http://user:secret@api.example", "http://api.example/#x",
        "http://api.example#", "http://api.example/a b", "http://api.example/\r\nx: y",
        "http://api.example/\x00", "http://api.example\\@evil.example", "http://api.example:0",
        "http://api.example:99999", "http://api.example:x", "http://[::1", "http://a%2f.example",
        "http://api.example/ü", "http://" + "a" * 2100, "http://a..example\u2028",
        "http://exa\tmple.com", "http://" + "ü" * 70 + ".example",
    ],
)  # fmt: skip
def test_refuses_urls_that_can_be_misread(url: str) -> None:
    with pytest.raises(BadRequest) as caught:
        AddressRules(("*",)).check_base_url(url)

    assert list(caught.value.fields) == ["base_url"]
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("host", [*LOOPBACK_SPELLINGS, "169.254.169.254", "a.localhost", "[::1]"])
def test_refuses_literal_addresses_inside_without_dns(host: str) -> None:
    with pytest.raises(BadRequest, match="ALLOW_PRIVATE_UPSTREAMS"):
        AddressRules(()).check_base_url(f"http://{host}:8080/v1")


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ((), "https://api.openai.com/v1"),
        ((), "http://no-such-host.invalid/v1"),
        (("127.0.0.0/8",), "http://localhost:11434"),
        (("localhost",), "http://localhost:11434"),
        (("169.254.169.254",), "http://169.254.169.254/"),
    ],
)
def test_takes_base_urls_that_may_be_called(allowed: tuple[str, ...], url: str) -> None:
    AddressRules(allowed).check_base_url(url)


def _resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def answer(host: str, port: int, *, type: int, flags: int = 0) -> list[Any]:
        if flags or not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, type, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def _resolve_never(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    release = threading.Event()

    def answer(host: str, port: int, *, type: int, flags: int = 0) -> list[Any]:
        if not flags:
            release.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return release
