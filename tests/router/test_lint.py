"""Hints about a router: only where there is something to look at, errors first."""

from __future__ import annotations

from typing import Any

import pytest

from hyperstrate.ai import registrations
from hyperstrate.router import lint, parts, routers
from hyperstrate.router.lint import Finding
from hyperstrate.router.parts import TargetChanges
from hyperstrate.shared.db import unit_of_work
from tests.people import People

Values = dict[str, Any]


def _findings(people: People, strategy: str, *targets: Values) -> list[Finding]:
    given = [dict(values) for values in targets]
    org_id = people.alice.org_id
    with unit_of_work():
        router = routers.create(org_id, "support", strategy=strategy)
        models = [registrations.register(org_id, str(each.pop("key", "dummy"))) for each in given]
    with unit_of_work():
        for model, values in zip(models, given, strict=True):
            changes = TargetChanges(is_enabled=bool(values.pop("is_enabled", True)))
            row = parts.add_target(org_id, router.id, model_id=model.id, **values)
            parts.update_target(org_id, router.id, row.id, changes)
    return lint.findings(routers.get(org_id, router.id))


def _codes(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in found]


@pytest.mark.parametrize(
    ("strategy", "targets"),
    [
        ("failover", [{"priority": 0}, {"priority": 1}]),
        ("percentage", [{"percentage": 60}, {"percentage": 40}]),
        ("round_robin", [{}]),
    ],
)
def test_a_sound_router_has_no_findings(
    people: People, strategy: str, targets: list[Values]
) -> None:
    assert _findings(people, strategy, *targets) == []


@pytest.mark.parametrize(
    ("strategy", "targets", "codes"),
    [
        ("random", [], [("error", "no_enabled_targets")]),
        ("random", [{"is_enabled": False}], [("error", "no_enabled_targets")]),
        ("failover", [{}], [("warning", "fallback_without_second_target")]),
        ("failover", [{}, {}], [("info", "same_priority")]),
        ("percentage", [{"percentage": 60}], [("error", "percentages")]),
        (
            "percentage",
            [{"percentage": 100}, {"percentage": 0}],
            [("info", "target_without_share")],
        ),
        ("weighted", [{"weight": 2}, {"weight": 0}], [("info", "target_without_share")]),
        ("weighted", [{"weight": 0}, {"weight": 0}], [("warning", "weights_are_zero")]),
        ("random", [{"key": "chatgpt/gpt-5"}], [("error", "target_not_configured")]),
        ("random", [{"key": "chatgpt/gpt-5"}, {}], [("warning", "target_not_configured")]),
        (
            "percentage",
            [{"key": "chatgpt/gpt-5", "percentage": 1}, {"percentage": 0}],
            [
                ("error", "percentages"),
                ("warning", "target_not_configured"),
                ("info", "target_without_share"),
            ],
        ),
    ],
)
def test_what_is_wrong_is_found(
    people: People,
    strategy: str,
    targets: list[Values],
    codes: list[tuple[str, str]],
) -> None:
    assert _codes(_findings(people, strategy, *targets)) == codes


def test_a_finding_about_one_target_names_it(people: People) -> None:
    found = _findings(people, "weighted", {"weight": 1}, {"weight": 0})

    (router_id,) = routers.names(people.alice.org_id)
    rows = routers.get(people.alice.org_id, router_id).targets
    assert [finding.target_id for finding in found] == [row.id for row in rows if row.weight == 0]
