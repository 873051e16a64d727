"""What went wrong in gateways before, read out of the source: raw SQL, processes, side doors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "hyperstrate").rglob("*.py"))
#: They run code or processes; none may come in with a request.
RUNNERS = {"subprocess", "pty", "pickle", "marshal", "shelve", "multiprocessing", "code", "runpy"}
STARTERS = {"system", "popen", "execv", "execve", "execvp", "spawnv", "spawnl", "posix_spawn"}
RUNNING = {"execute", "scalar", "scalars", "exec_driver_sql"}
RAW_SQL = {"text", "literal_column", "exec_driver_sql"}
#: Its statements are written by SQLAlchemy, and only run by the driver.
COMPILED = {"shared/bulk.py"}
#: The only files that open connections; each asks the address rules when it connects.
CONNECTING = {
    "httpx": {"shared/http.py"},
    "httpcore": {"shared/http.py"},
    "requests": set(),
    "urllib.request": set(),
    "http.client": set(),
}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in SOURCES:
        name = path.relative_to(ROOT / "hyperstrate").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield name, node


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_sql_that_is_written_by_hand_is_constant_lesson_b() -> None:
    sqlalchemy_text = {
        name
        for name, node in nodes()
        if isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy"
        for alias in node.names
        if alias.name in RAW_SQL
    }
    wrong = [
        f"{name}:{node.lineno}"
        for name, node in nodes()
        if isinstance(node, ast.Call)
        and (
            (called(node) in RAW_SQL and name in sqlalchemy_text)
            or (called(node) in {"exec_driver_sql", "executescript"} and name not in COMPILED)
            or (called(node) in RUNNING and _is_glued(node))
        )
        and not (node.args and isinstance(node.args[0], ast.Constant))
    ]

    assert wrong == []


def _is_glued(node: ast.Call) -> bool:
    """The statement is put together of strings."""
    first = node.args[0] if node.args else None
    is_sum = isinstance(first, ast.BinOp) and isinstance(first.op, ast.Add | ast.Mod)
    return isinstance(first, ast.JoinedStr) or is_sum or (first is not None and _formats(first))


def _formats(node: ast.AST) -> bool:
    return called(node) == "format"


def test_only_what_asks_the_address_rules_connects_lesson_c() -> None:
    wrong = [
        f"{name} imports {module}"
        for name, node in nodes()
        for module in imported(node)
        if module in CONNECTING and name not in CONNECTING[module]
    ]

    assert wrong == []


def test_nothing_runs_code_or_starts_a_process_lesson_g() -> None:
    """There are no MCP servers, so none is started by its command line."""
    wrong = [
        f"{name}:{getattr(node, 'lineno', 0)}"
        for name, node in nodes()
        if any(module.partition(".")[0] in RUNNERS for module in imported(node))
        or called(node) in STARTERS
        or (isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"eval", "exec"})
    ]

    assert wrong == []
