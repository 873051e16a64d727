"""The state of the installation is told part by part, and what is wrong is named."""

from __future__ import annotations

import shutil
import tomllib
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from time import time

import pytest
from flask import Flask

from hyperstrate import __version__
from hyperstrate.config import Config
from hyperstrate.observability import system
from hyperstrate.observability.health import Health
from hyperstrate.observability.ports import Ports
from hyperstrate.observability.system import System, SystemPart
from hyperstrate.shared.spool import Spool, SpoolReader
from tests.observability.installation import Names
from tests.observability.test_health import database_away, fine

ROOT = Path(__file__).resolve().parent.parent.parent
Usage = namedtuple("Usage", "total used free")
AWAY = "Redis does not answer in time"


@pytest.fixture
def config(spool: Spool) -> Config:
    return Config(spool_dir=str(spool.folder))


def look(config: Config, spool: Spool, ports: Ports | None = None) -> System:
    return system.look(config, ports or Ports(Names()), Health(spool, fine))


def part(found: System, name: str) -> SystemPart:
    return next(each for each in found.parts if each.name == name)


def facts(found: System, name: str) -> dict[str, object]:
    return {fact.name: fact.value for fact in part(found, name).facts}


def test_all_is_well(app: Flask, config: Config, spool: Spool, reader: SpoolReader) -> None:
    found = look(config, spool)

    assert {each.name: each.problem for each in found.parts} == dict.fromkeys(
        ("server", "database", "redis", "spool", "limits", "jobs", "clock"), ""
    )
    assert found.status == "ok"
    assert facts(found, "server")["version"] == __version__
    assert facts(found, "database")["kind"] in ("SQLite", "PostgreSQL")
    assert facts(found, "spool")["backlogBytes"] == 0
    assert facts(found, "spool")["oldestLineSeconds"] is None


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == __version__


def test_lines_that_wait_for_long_and_nobody_who_reads_them_are_problems(
    app: Flask, config: Config, spool: Spool
) -> None:
    spool.append(b'{"at": %f}' % (time() - 300))

    alone = look(config, spool)
    reader = SpoolReader(spool.folder)
    assert reader.acquire()
    behind = look(config, spool)
    reader.release()

    assert part(alone, "spool").problem.startswith("no process of this host records")
    assert part(behind, "spool").problem == "the recorder is behind"
    assert 299 < float(str(facts(behind, "spool")["oldestLineSeconds"])) < 330
    assert alone.status == behind.status == "degraded"


def test_a_line_without_a_time_is_no_reason_to_fail(
    app: Flask, config: Config, spool: Spool, reader: SpoolReader
) -> None:
    spool.append(b"torn")

    assert facts(look(config, spool), "spool")["oldestLineSeconds"] is None


def test_little_space_is_a_problem(
    app: Flask, config: Config, spool: Spool, reader: SpoolReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 10**6))

    assert part(look(config, spool), "spool").problem == "little space is left for SPOOL_DIR"


def test_tables_of_another_version_are_a_problem(
    app: Flask, config: Config, spool: Spool, reader: SpoolReader
) -> None:
    ports = Ports(Names(), migration_problem=lambda: "run `flask db upgrade`")

    found = look(config, spool, ports)

    assert part(found, "database").problem == "run `flask db upgrade`"
    assert part(found, "database").status == "degraded"


@pytest.mark.parametrize(
    ("url", "problem", "budgets"),
    [
        ("", "", "counted by this process, the only one"),
        ("redis://there", "", "shared by all processes"),
        ("redis://there", AWAY, "each of 4 processes has its share"),
    ],
)
def test_it_says_who_counts_budgets(
    app: Flask, config: Config, spool: Spool, url: str, problem: str, budgets: str
) -> None:
    config = replace(config, redis_url=url, web_concurrency=4)
    ports = Ports(Names(), redis_problem=lambda: problem, times_degraded=lambda: 3)

    found = system.look(config, ports, Health(spool, ports.redis_problem))

    assert facts(found, "limits") == {"limits": budgets, "budgets": budgets}
    assert part(found, "redis").problem == problem
    own = look(replace(config, rate_limit_backend="memory"), spool, ports)
    assert facts(own, "limits")["limits"] == (
        "counted by each process for itself" if url else budgets
    )


def test_without_a_database_the_rest_is_told(app: Flask, config: Config, spool: Spool) -> None:
    with database_away():
        found = look(config, spool)

    assert found.status == "unavailable"
    assert part(found, "database").problem == "OperationalError"
    assert {each.name for each in found.parts}.isdisjoint({"jobs", "clock"})


def test_a_spool_that_cannot_be_written_is_told(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spool = Spool(tmp_path / "file" / "spool")

    found = look(Config(spool_dir=str(spool.folder)), spool)

    assert part(found, "spool").problem == "cannot be written"
    assert found.status == "unavailable"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1_500_000, "bytes", "1.5 MB"),
        (None, "seconds", "–"),
        (90, "seconds", "1 min 30 s"),
        (1234, "number", "1,234"),
        ("SQLite", "", "SQLite"),
    ],
)
def test_facts_are_written_for_people(value: object, unit: system.Unit, words: str) -> None:
    assert system.Fact("x", "X", value, unit).words == words
