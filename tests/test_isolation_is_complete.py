"""Every service that takes an organisation has a case in its module's test_org_isolation.py."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = ("ai", "auth", "observability", "prompts", "router")
#: Shells of services, and what only describes the services of others.
NO_SERVICES = {"api", "pages", "api.py", "pages.py", "ports.py"}


def services(module: str) -> Iterator[str]:
    """The public functions and methods whose first parameter is an organisation."""
    folder = ROOT / "hyperstrate"
    for path in sorted((folder / module).rglob("*.py")):
        if not NO_SERVICES & set(path.relative_to(folder).parts):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for function in _functions(ast.parse(path.read_text(encoding="utf-8")).body):
                yield f"{name.removesuffix('.__init__')}.{function}"


def _functions(body: list[ast.stmt], of: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not of:
            yield from _functions(node.body, f"{node.name}.")
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            given = [argument.arg for argument in node.args.args if argument.arg != "self"]
            if given[:1] == ["org_id"]:
                yield f"{of}{node.name}"


def cases(module: str) -> set[str]:
    """What the module's test names: functions by where they are, methods by ``.name`` alone."""
    test = importlib.import_module(f"tests.{module}.test_org_isolation")
    found = set()
    for node in ast.walk(ast.parse(Path(str(test.__file__)).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            found.add(f".{node.attr}")
            owner = getattr(test, node.value.id, None) if isinstance(node.value, ast.Name) else None
            named = getattr(owner, node.attr, None)
        else:
            named = getattr(test, node.id, None) if isinstance(node, ast.Name) else None
        if isinstance(named, FunctionType):
            found.add(f"{named.__module__}.{named.__qualname__}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_every_service_that_takes_an_organisation_has_a_case(module: str) -> None:
    known, asked = cases(module), list(services(module))

    assert asked
    assert [each for each in asked if not _is_among(each, known)] == []


def _is_among(service: str, known: set[str]) -> bool:
    owner, _, name = service.rpartition(".")
    is_method = owner.rpartition(".")[2][0].isupper()
    return (f".{name}" if is_method else service) in known
