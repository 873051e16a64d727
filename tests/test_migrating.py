"""Flask-Migrate is there when it is asked for, and not before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_command_migrates_as_flask_migrate_does(tmp_path: Path) -> None:
    python(tmp_path, "-m", "flask", "--app", "wsgi", "db", "upgrade")

    assert "(head)" in python(tmp_path, "-m", "flask", "--app", "wsgi", "db", "current")


def test_a_server_does_not_load_alembic(tmp_path: Path) -> None:
    assert python(tmp_path, "-c", "import sys, wsgi; print('alembic' in sys.modules)") == "False\n"


def python(folder: Path, *arguments: str) -> str:
    """What Python prints, in an installation of its own."""
    own = {"SPOOL_DIR": str(folder / "spool"), "DATABASE_DSN": f"sqlite:///{folder / 'a.db'}"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
