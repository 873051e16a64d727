"""What the page of client set-up says works as it stands, against a running installation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from tests.e2e.gateway import Admin, Gateway, running

NAME = 'it\'s the "demo"'


@pytest.fixture(scope="module")
def installation(folder: Path) -> Iterator[tuple[Gateway, Admin]]:
    """A gateway with one router over the dummy."""
    with running(folder / "client-setup") as gateway:
        admin = Admin(gateway)
        admin.set_up()
        admin.router(NAME, admin.model())
        yield gateway, admin


def shown(gateway: Gateway, admin: Admin) -> dict[str, str]:
    """The snippets of the page, by their labels."""
    headers = {"Authorization": f"Bearer {admin.token}"}
    status, _, content = gateway.request("GET", "/app/settings", headers=headers)
    found = re.findall(
        r'<p class="snippet-label">(.*?)</p>\s*<pre[^>]*><code>(.*?)</code>', content.decode(), re.S
    )
    assert status == 200
    return {label: unescape(code) for label, code in found}


@pytest.mark.parametrize(
    ("label", "command"),
    [
        ("curl", ["bash", "-ec"]),
        ("Python, OpenAI", [sys.executable, "-c"]),
        ("Python, Anthropic", [sys.executable, "-c"]),
    ],
)
def test_a_snippet_of_the_page_gets_an_answer(
    installation: tuple[Gateway, Admin], label: str, command: list[str]
) -> None:
    gateway, admin = installation
    environment = {"PATH": os.environ["PATH"], "HYPERSTRATE_API_KEY": admin.key()}

    done = subprocess.run(
        [*command, shown(gateway, admin)[label]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert "Say hello" in done.stdout


def test_every_snippet_names_this_installation(installation: tuple[Gateway, Admin]) -> None:
    gateway, admin = installation

    snippets = shown(gateway, admin)

    assert list(snippets)[3:] == [
        "LangChain", "Vercel AI SDK", "Claude Code", "Codex", "Cursor", "aider"
    ]  # fmt: skip
    assert all(gateway.url in code and "HYPERSTRATE_API_KEY" in code for code in snippets.values())


def test_the_doctor_finds_nothing_wrong_with_it(installation: tuple[Gateway, Admin]) -> None:
    gateway, _ = installation

    said = gateway.flask("doctor")

    assert "ok           Database" in said
    assert "Recorder: runs" in said
