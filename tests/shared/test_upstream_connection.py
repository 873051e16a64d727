"""Connections: TLS, certificates, time-outs, and what ends them from outside."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hyperstrate.shared.db import now
from hyperstrate.shared.inference import Cancellation
from hyperstrate.shared.upstream import Timeouts, Upstream
from tests import answers
from tests.shared.test_upstream import LOOPBACK, call, failure
from tests.upstreams import Answer, Provider, Request


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for 127.0.0.1, and a client's that trusts it."""
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    write_certificate(path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=path)


def write_certificate(path: Path) -> None:
    """A new key and a certificate of its own for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))


def test_a_full_backlog_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, socket.socket() as filler:
        filler.connect(server.getsockname())
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        error = failure(lambda: call(Upstream(LOOPBACK), url, timeouts=Timeouts(connect=0.2)))

    assert (error.kind, error.message) == ("timeout", "127.0.0.1 could not be reached in time.")


def test_speaks_tls_to_hosts_with_a_valid_certificate(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, trusting = tls
    client = Upstream(LOOPBACK, tls=trusting)
    with Provider(tls=server) as provider:
        provider.answers(answers.json({"a": 1}), answers.openai_stream("a"), answers.reset())
        provider.always(answers.json({"a": 4}))

        bodies = [call(client, provider.url).read() for _ in range(3)]

        assert (bodies[0], bodies[2]) == (b'{"a":1}', b'{"a":4}')
        assert len(provider.connections) == 2
        client.close()


def test_cancelling_ends_a_silent_call_over_tls(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, trusting = tls
    client = Upstream(LOOPBACK, tls=trusting)
    with Provider(tls=server) as provider:
        cancellation = Cancellation()

        def handle(request: Request) -> Answer:
            cancellation.cancel()
            return answers.silent()

        provider.always(handle)

        error = failure(lambda: call(client, provider.url, cancellation=cancellation))

        assert error.kind == "cancelled"
        assert provider.wait_closed()


def test_refuses_a_certificate_that_nobody_vouches_for(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with Provider(tls=tls[0]) as provider:
        error = failure(lambda: call(Upstream(LOOPBACK), provider.url))

    assert error.kind == "connection"
    assert "certificate of 127.0.0.1 is not valid" in error.message


def test_a_handshake_that_is_never_answered_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"

        error = failure(lambda: call(Upstream(LOOPBACK), url, timeouts=Timeouts(connect=0.2)))

    assert (error.kind, error.message) == ("timeout", "127.0.0.1 could not be reached in time.")


def test_a_port_without_tls_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_in_plain, args=(server,))
        thread.start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}"

        error = failure(lambda: call(Upstream(LOOPBACK), url))

        thread.join()
    assert (error.kind, error.message) == (
        "connection",
        "127.0.0.1 does not speak TLS as it should.",
    )


def _answer_in_plain(server: socket.socket) -> None:
    sock, _ = server.accept()
    with sock:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
