"""Fixtures: a server in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server import application
from tests.server.raw import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    application.closed.clear()
    with serving(application.app) as started:
        yield started
