"""One running installation for all tests of this process, and providers that it may call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests import servers
from tests.e2e.gateway import Admin, Gateway, running
from tests.e2e.recorded import Stage
from tests.e2e.site import MAX_BODY_BYTES, Site
from tests.upstreams import Provider


@pytest.fixture(scope="package")
def gateway(folder: Path) -> Iterator[Gateway]:
    """A running installation, set up."""
    with running(folder / "gateway") as started:
        Admin(started).set_up()
        yield started


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def site(folder: Path, postgres_uri: str) -> Iterator[Site]:
    """An installation on PostgreSQL, for bad input."""
    with (
        servers.fresh_database(postgres_uri) as database,
        running(
            folder / "site",
            DATABASE_DSN=database,
            ALLOW_PRIVATE_UPSTREAMS="localhost",
            MAX_BODY_BYTES=str(MAX_BODY_BYTES),
        ) as started,
    ):
        yield Site(started)


@pytest.fixture(scope="package")
def stage(gateway: Gateway, admin: Admin) -> Iterator[Stage]:
    """The installation with a provider behind it that plays recordings."""
    with Provider() as provider:
        found = Stage(gateway, admin, provider)
        yield found
        found.close()


@pytest.fixture(scope="package")
def openai_to_claude(stage: Stage) -> Iterator[OpenAI]:
    """The official OpenAI client before a router over a Claude."""
    url = stage.url("anthropic/claude-sonnet-4-5")
    with OpenAI(base_url=f"{url}/v1", api_key=stage.key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="package")
def anthropic_to_gpt(stage: Stage) -> Iterator[Anthropic]:
    """The official Anthropic client before a router over a GPT."""
    with Anthropic(base_url=stage.url("chatgpt/gpt-5"), api_key=stage.key, max_retries=0) as client:
        yield client
