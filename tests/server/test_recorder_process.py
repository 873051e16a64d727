"""The process that workers and recorder are forked from, and what it loads for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_what_is_loaded_before_gevent_patches_keeps_nothing_that_it_replaces() -> None:
    command = [sys.executable, "-m", "tests.server.loaded_early"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == ""
