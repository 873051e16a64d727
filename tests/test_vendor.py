"""What is vendored is what was reviewed, complete, and asks nobody else for anything."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "static"
VENDOR = STATIC / "vendor"
SOURCES = [
    *(path for path in STATIC.glob("*.*") if path.is_file() and path.suffix != ".png"),
    *(ROOT / "templates").rglob("*.html"),
]


def test_each_vendored_file_has_the_recorded_hash() -> None:
    recorded = json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))

    found = {
        path.relative_to(VENDOR).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "vendor.json"
    }

    assert found == recorded


def test_each_vendored_package_keeps_its_licence() -> None:
    packages = [path for path in VENDOR.iterdir() if path.is_dir()]

    assert packages
    assert [package.name for package in packages if not (package / "LICENSE").is_file()] == []


def test_no_source_map_is_named_that_is_not_there() -> None:
    scripts = [path for path in VENDOR.rglob("*") if path.suffix in (".js", ".css")]

    naming = [path.name for path in scripts if "sourceMappingURL=" in path.read_text("utf-8")]

    assert naming == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pages_load_nothing_from_elsewhere_and_have_no_inline_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    outside = re.findall(
        r"""(?:src|href|action)=["'](?:https?:)?//[^"']+|@import|url\(\s*["']?http""", text
    )
    inline = re.findall(r"""\sstyle=|\son[a-z]+=|<style|<script(?![^>]*(?:src=|json))""", text)

    assert (outside, inline) == ([], [])


def test_each_icon_that_a_page_names_is_vendored() -> None:
    icons = {path.stem for path in (VENDOR / "lucide-static-1.62.0").glob("*.svg")}
    texts = [path.read_text("utf-8") for path in (ROOT / "templates").rglob("*.html")]
    texts += [path.read_text("utf-8") for path in (ROOT / "hyperstrate").rglob("*.py")]

    named = {name for text in texts for name in re.findall(r"""icon\(\s*"([a-z0-9-]+)\"""", text)}
    named |= {name for text in texts for name in re.findall(r"""\bicon="([a-z0-9-]+)\"""", text)}

    assert named
    assert named - icons == set()
