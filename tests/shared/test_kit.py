"""The kit is reachable from every template, and assets change their address with their content."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from flask import Flask

from hyperstrate.shared.kit import Assets, Kit
from tests.shared.demo import ROOT, make_app


@pytest.fixture(scope="module")
def demo() -> Flask:
    return make_app()


def kit(app: Flask) -> Kit:
    found = app.jinja_env.globals["ui"]
    assert isinstance(found, Kit)
    return found


def test_a_macro_is_found_by_its_name(demo: Flask) -> None:
    with demo.test_request_context("/app"):
        html = demo.jinja_env.from_string('{{ ui.badge("<b>", "good") }}').render()

    assert "tag-good" in html
    assert "&lt;b&gt;" in html


def test_an_unknown_macro_is_named_in_the_error(demo: Flask) -> None:
    with pytest.raises(AttributeError, match="no macro sparkle"):
        kit(demo).sparkle  # noqa: B018 the access is what fails


def test_each_macro_has_one_home(demo: Flask) -> None:
    modules = [
        demo.jinja_env.get_template(name).module
        for name in demo.jinja_env.list_templates(["html"])
        if name.startswith("components/")
    ]

    names = Counter(name for module in modules for name in vars(module) if name[0] != "_")

    assert [name for name, count in names.items() if count > 1] == []


def test_each_component_file_says_what_its_macros_take() -> None:
    for path in (ROOT / "templates" / "components").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("{#"), path.name


def test_an_asset_gets_another_address_when_it_changes(tmp_path: Path) -> None:
    assets = Assets(tmp_path, "/static")
    (tmp_path / "app.css").write_text("a {}", encoding="utf-8")

    before = assets.url("app.css")
    (tmp_path / "app.css").write_text("b { }", encoding="utf-8")
    after = assets.url("app.css")

    assert before.startswith("/static/app.css?v=")
    assert before != after


def test_an_icon_is_decoration_unless_it_is_named(demo: Flask) -> None:
    plain, named = kit(demo).icon("plus"), kit(demo).icon("plus", label="a & b")

    assert 'aria-hidden="true"' in plain
    assert 'role="img" aria-label="a &amp; b"' in named
