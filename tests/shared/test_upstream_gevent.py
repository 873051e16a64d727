"""The same client under gevent, as the server runs it: waits are shared, and end from outside."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests import answers
from tests.shared.test_upstream_connection import write_certificate
from tests.upstreams import Answer, Provider

PATCHED = '''
from gevent import monkey
monkey.patch_all()
import ssl
import sys
import gevent
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.upstream import Timeouts, Upstream

url, certificate = sys.argv[1:]
trusting = ssl.create_default_context(cafile=certificate)
upstream = Upstream(AddressRules(("127.0.0.0/8",)), tls=trusting, max_connections_per_origin=20)

def call(cancellation=None, timeouts=Timeouts()):
    return upstream.open("POST", url, {}, b"{}", timeouts, cancellation or Cancellation())

def told():
    """Wait, cooperatively, until the provider has the request."""
    gevent.get_hub().threadpool.apply(sys.stdin.readline)

def kind_of(act):
    try:
        return act()
    except ProviderError as error:
        return error.kind
'''
CANCEL_SILENT = """
cancellation = Cancellation()
waiting = gevent.spawn(kind_of, lambda: call(cancellation))
told()
cancellation.cancel()
print(waiting.get(timeout=10))
"""
CLOSE_STALLED = """
response = call()
events = response.events()
print(next(events).strip().decode())
waiting = gevent.spawn(kind_of, lambda: next(events))
told()
response.close()
print(waiting.get(timeout=10))
"""
KILL_WAITING = """
waiting = gevent.spawn(call)
told()
waiting.kill()
"""
TIME_OUT = """
print(kind_of(lambda: call(timeouts=Timeouts(first_byte=0.2))))
"""
MANY = """
calls = [gevent.spawn(lambda: call().read()) for _ in range(200)]
gevent.joinall(calls, timeout=60, raise_error=True)
print({greenlet.value for greenlet in calls})
upstream.close()
"""


@pytest.fixture(params=["http", "https"])
def certificate(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """The scheme, and a certificate for it."""
    path = tmp_path / "certificate.pem"
    write_certificate(path)
    return request.param, path


@pytest.mark.parametrize(
    ("script", "answer", "printed"),
    [
        (CANCEL_SILENT, answers.silent(), "cancelled"),
        (CLOSE_STALLED, answers.sse(["one"], ending="stall"), "data: one\ncancelled"),
        (KILL_WAITING, answers.silent(), ""),
        (TIME_OUT, answers.silent(), "timeout"),
    ],
)
def test_a_wait_ends_from_another_greenlet(
    certificate: tuple[str, Path], script: str, answer: Answer, printed: str
) -> None:
    with _provider(certificate) as provider:
        provider.always(answer)

        assert _run(provider, certificate[1], script) == printed

        assert provider.wait_closed()


def test_many_calls_share_few_connections(certificate: tuple[str, Path]) -> None:
    with _provider(certificate) as provider:
        provider.always(answers.json({"a": 1}))

        printed = _run(provider, certificate[1], MANY)

        assert printed == "{b'{\"a\":1}'}"
        assert (len(provider.requests), len(provider.connections)) == (200, 20)


def _provider(certificate: tuple[str, Path]) -> Provider:
    scheme, path = certificate
    if scheme == "http":
        return Provider()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return Provider(tls=context)


def _run(provider: Provider, certificate: Path, script: str) -> str:
    """What the script prints; it is told when its first request has arrived."""
    command = [sys.executable, "-W", "error", "-c", PATCHED + script, provider.url]
    process = subprocess.Popen(
        [*command, str(certificate)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        provider.wait_request(timeout=30)
        printed, errors = process.communicate("go\n", timeout=60)
    assert (process.returncode, errors) == (0, "")
    return printed.strip()
