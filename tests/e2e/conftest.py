"""One running installation for all tests of this process, and providers that it may call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import Admin, Gateway, running
from tests.e2e.recorded import Stage
from tests.upstreams import Provider


@pytest.fixture(scope="session")
def gateway(folder: Path) -> Iterator[Gateway]:
    """A running installation, set up."""
    with running(folder / "gateway") as started:
        Admin(started).set_up()
        yield started


@pytest.fixture(scope="session")
def admin(gateway: Gateway) -> Admin:
    """Ada, signed in over REST."""
    found = Admin(gateway)
    found.sign_in()
    return found


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A scripted provider on loopback."""
    with Provider() as started:
        yield started


@pytest.fixture(scope="session")
def stage(gateway: Gateway, admin: Admin) -> Iterator[Stage]:
    """The installation with a provider behind it that plays recordings."""
    with Provider() as provider:
        found = Stage(gateway, admin, provider)
        yield found
        found.close()
