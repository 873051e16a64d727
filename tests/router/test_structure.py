"""Every feature, interceptor and strategy is one file: listed, named and tested as such."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hyperstrate.router import features, interceptors, strategies
from hyperstrate.router.features import FEATURES
from hyperstrate.router.interceptors import INTERCEPTORS
from hyperstrate.router.stage import Stage
from hyperstrate.router.strategies import STRATEGIES
from hyperstrate.shared.settings import dump, fields_of, load, schema_of

STAGES: list[type[Stage[Any]]] = [*FEATURES, *INTERCEPTORS.values()]
FAMILIES = {
    "features": (features, [stage.name for stage in FEATURES]),
    "interceptors": (interceptors, list(INTERCEPTORS)),
    "strategies": (strategies, list(STRATEGIES)),
}


def _files(package: Any) -> list[str]:
    return [path.stem for path in Path(package.__path__[0]).glob("*.py") if path.stem != "__init__"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_file_is_in_its_list_and_the_other_way_round(family: str) -> None:
    package, listed = FAMILIES[family]

    assert sorted(listed) == sorted(_files(package))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_file_has_its_test_file(family: str) -> None:
    package, _ = FAMILIES[family]
    tested = {path.stem for path in (Path(__file__).parent / family).glob("test_*.py")}

    missing = [name for name in _files(package) if f"test_{name}" not in tested]

    assert missing == []


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_is_named_as_its_file(stage: type[Stage[Any]]) -> None:
    assert stage.__module__.rpartition(".")[2] == stage.name


@pytest.mark.parametrize("name", INTERCEPTORS)
def test_an_interceptor_is_listed_under_its_name(name: str) -> None:
    assert INTERCEPTORS[name].name == name


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_comes_from_the_file_of_its_name(name: str) -> None:
    assert STRATEGIES[name].__module__.rpartition(".")[2] == name


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_the_defaults_of_a_config_are_valid(stage: type[Stage[Any]]) -> None:
    fields = fields_of(stage.Config)
    if any(field.is_required for field in fields):
        assert schema_of(stage.Config)["required"]
        return

    config = load(stage.Config, {})

    assert load(stage.Config, dump(config)) == config


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_setting_says_what_it_is_for(stage: type[Stage[Any]]) -> None:
    silent = [field.name for field in fields_of(stage.Config) if len(field.rule.help) < 15]

    assert silent == []
