"""A plan is the router as it stands in the database, in this process and in every other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from hyperstrate.ai import registrations
from hyperstrate.prompts import library
from hyperstrate.router import lint, parts, road, routers
from hyperstrate.router.models import RouterFeature, RouterInterceptor
from hyperstrate.router.parts import StageChanges, TargetChanges
from hyperstrate.router.plan import Plans
from hyperstrate.router.routers import Changes
from hyperstrate.router.stage import Plan
from hyperstrate.shared.cache import bump, look
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import Conflict, NotFound, Unprocessable
from tests.people import People

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def org_id(people: People) -> str:
    look()
    return people.alice.org_id


@pytest.fixture
def plans(org_id: str) -> Plans:
    return Plans(routers.ports())


@pytest.fixture
def router_id(org_id: str) -> str:
    """An active router with one target."""
    with unit_of_work():
        made = routers.create(org_id, "support", strategy="random").id
        model_id = registrations.register(org_id, "dummy").id
    with unit_of_work():
        parts.add_target(org_id, made, model_id=model_id)
        routers.update(org_id, made, Changes(status="active"))
    return made


def stages(plan: Plan) -> list[str]:
    return [stage.name for stage in plan.stages]


def test_a_plan_is_the_whole_router(plans: Plans, org_id: str, router_id: str) -> None:
    with unit_of_work():
        prompt_id = library.create(org_id, "Brief", "Be brief").id
        model_id = registrations.register(org_id, "dummy").id
    with unit_of_work():
        routers.update(org_id, router_id, Changes(prompt_id=prompt_id, store_payloads=True))
        target = parts.add_target(
            org_id, router_id, model_id=model_id, weight=7, priority=0, prompt_id=prompt_id
        )
        (old, _) = routers.get(org_id, router_id).targets
        parts.update_target(org_id, router_id, old.id, TargetChanges(is_enabled=False))

    plan = plans.get(org_id, router_id)

    assert (plan.org_id, plan.router_id, plan.name) == (org_id, router_id, "support")
    assert (plan.status, plan.strategy_name) == ("active", "random")
    assert (plan.prompt, plan.store_payloads) == ("Be brief", True)
    assert [found.id for found in plan.targets] == [target.id]
    assert (plan.targets[0].model.model_id, plan.targets[0].weight) == (model_id, 7)
    assert plan.targets[0].prompt == "Be brief"


def test_stages_stand_in_their_order_whatever_order_they_came_in(
    plans: Plans, org_id: str, router_id: str
) -> None:
    patterns = {"blocked_patterns": ["x"]}
    with unit_of_work():
        for name in ("retry", "response_cache", "fallback", "rate_limit"):
            parts.add_feature(org_id, router_id, name, {})
        late = parts.add_interceptor(org_id, router_id, "content_filter", patterns)
        parts.add_interceptor(org_id, router_id, "content_filter", {"blocked_patterns": ["first"]})
        parts.update_interceptor(org_id, router_id, late.id, StageChanges(execution_order=9))

    plan = plans.get(org_id, router_id)

    assert stages(plan) == [
        "rate_limit", "response_cache", "content_filter", "content_filter", "fallback", "retry",
    ]  # fmt: skip
    assert [stage.config.blocked_patterns for stage in plan.stages[2:4]] == [["first"], ["x"]]


def test_what_is_switched_off_does_not_run(plans: Plans, org_id: str, router_id: str) -> None:
    off = StageChanges(is_enabled=False)
    with unit_of_work():
        retry = parts.add_feature(org_id, router_id, "retry", {})
        parts.update_feature(org_id, router_id, retry.id, off)
        patterns = {"blocked_patterns": ["x"]}
        interceptor = parts.add_interceptor(org_id, router_id, "content_filter", patterns)
        parts.update_interceptor(org_id, router_id, interceptor.id, off)

    assert stages(plans.get(org_id, router_id)) == []


def test_failover_brings_its_fallback(plans: Plans, org_id: str, router_id: str) -> None:
    with unit_of_work():
        routers.update(org_id, router_id, Changes(strategy="failover"))

    assert stages(plans.get(org_id, router_id)) == ["fallback"]


def test_a_plan_is_built_once_and_found_by_name(plans: Plans, org_id: str, router_id: str) -> None:
    plan = plans.get(org_id, router_id)

    assert plans.get(org_id, router_id) is plan
    assert plans.named(org_id, "support") is plan


def test_what_is_not_there_is_not_found(plans: Plans, org_id: str) -> None:
    for ask, what in (
        (plans.get, "rtr_none"),
        (plans.named, "none"),
        (plans.direct, "mdl_none"),
    ):
        with pytest.raises(NotFound):
            ask(org_id, what)


def test_a_direct_call_is_a_plan_of_one_model(plans: Plans, org_id: str, router_id: str) -> None:
    model_id = plans.get(org_id, router_id).targets[0].model.model_id

    plan = plans.direct(org_id, model_id)

    assert (plan.router_id, plan.status, plan.stages) == ("", "active", ())
    assert [target.model.model_id for target in plan.targets] == [model_id]


def _edits(org_id: str, router_id: str) -> dict[str, Callable[[], object]]:
    (target,) = routers.get(org_id, router_id).targets
    return {
        "router": lambda: routers.update(org_id, router_id, Changes(name="help")),
        "target": lambda: parts.update_target(
            org_id, router_id, target.id, TargetChanges(weight=9)
        ),
        "feature": lambda: parts.add_feature(org_id, router_id, "retry", {}),
        "interceptor": lambda: parts.add_interceptor(
            org_id, router_id, "content_filter", {"blocked_patterns": ["x"]}
        ),
        "model": lambda: registrations.update(org_id, target.model_id, alias="mine"),
    }


@pytest.mark.parametrize("what", ["router", "target", "feature", "interceptor", "model"])
def test_an_edit_is_seen_at_the_commit_and_not_before(
    plans: Plans, org_id: str, router_id: str, what: str
) -> None:
    edit = _edits(org_id, router_id)[what]
    before = plans.get(org_id, router_id)

    with unit_of_work():
        edit()
        assert plans.get(org_id, router_id) is before

    assert plans.get(org_id, router_id) != before


def test_an_edit_that_fails_leaves_the_plan(plans: Plans, org_id: str, router_id: str) -> None:
    before = plans.get(org_id, router_id)

    def fail() -> None:
        parts.add_feature(org_id, router_id, "retry", {})
        raise KeyError("no")

    with pytest.raises(KeyError), unit_of_work():
        fail()

    assert plans.get(org_id, router_id) is before


def test_access_and_prompts_are_seen_at_once(
    plans: Plans, people: People, org_id: str, router_id: str
) -> None:
    with unit_of_work():
        prompt_id = library.create(org_id, "Brief", "Be brief").id
        routers.update(org_id, router_id, Changes(prompt_id=prompt_id))
        routers.grant(org_id, router_id, people.alice.team_id)
    first = plans.get(org_id, router_id)
    with unit_of_work():
        library.update(org_id, prompt_id, content="Be long")
        routers.revoke(org_id, router_id, people.alice.team_id)
    second = plans.get(org_id, router_id)

    assert (first.prompt, second.prompt) == ("Be brief", "Be long")
    assert (set(first.team_ids), set(second.team_ids)) == ({people.alice.team_id}, set())


def test_a_prompt_in_use_is_not_deleted_and_the_plan_keeps_it(
    plans: Plans, org_id: str, router_id: str
) -> None:
    with unit_of_work():
        prompt_id = library.create(org_id, "Brief", "Be brief").id
        (target,) = routers.get(org_id, router_id).targets
        routers.update(org_id, router_id, Changes(prompt_id=prompt_id))
        changes = TargetChanges(prompt_id=prompt_id)
        parts.update_target(org_id, router_id, target.id, changes)
    assert plans.get(org_id, router_id).targets[0].prompt == "Be brief"

    with pytest.raises(Conflict, match="support"), unit_of_work():
        library.delete(org_id, prompt_id)

    plan = plans.get(org_id, router_id)
    assert (plan.prompt, plan.targets[0].prompt) == ("Be brief", "Be brief")


def test_a_deleted_model_leaves_the_plan(plans: Plans, org_id: str, router_id: str) -> None:
    model_id = plans.get(org_id, router_id).targets[0].model.model_id

    with unit_of_work():
        registrations.delete(org_id, model_id)

    assert plans.get(org_id, router_id).targets == ()


def test_a_deleted_or_renamed_router_is_not_found_any_more(
    plans: Plans, org_id: str, router_id: str
) -> None:
    plans.named(org_id, "support")

    with unit_of_work():
        routers.update(org_id, router_id, Changes(name="help"))
    with pytest.raises(NotFound):
        plans.named(org_id, "support")
    with unit_of_work():
        routers.delete(org_id, router_id)
    with pytest.raises(NotFound):
        plans.get(org_id, router_id)


OTHER_PROCESS = """
import sys
from hyperstrate.app import create_app
from hyperstrate.router import routers
from hyperstrate.router.plan import Plans
from hyperstrate.shared.cache import look

app = create_app()
plans = Plans(routers.ports())
for line in sys.stdin:
    with app.app_context():
        if line.strip() == "look":
            look()
    print(plans.get(*sys.argv[1:]).name, flush=True)
"""


@contextmanager
def other_process(app: Flask, environment: dict[str, str], *arguments: str) -> Iterator[Ask]:
    """A process that says the plan's name, before or after a look at the versions."""
    command = [sys.executable, "-c", OTHER_PROCESS, *arguments]
    dsn = {"DATABASE_DSN": app.config["SQLALCHEMY_DATABASE_URI"]}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environment, **dsn},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, said = process.stdin, process.stdout

        def ask(how: str) -> str:
            asked.write(f"{how}\n")
            asked.flush()
            return said.readline().strip()

        yield ask
        asked.close()


Ask = Callable[[str], str]


def test_another_process_sees_an_edit_after_its_next_look(
    app: Flask, environment: dict[str, str], org_id: str, router_id: str
) -> None:
    with other_process(app, environment, org_id, router_id) as ask:
        first = [ask("now"), ask("look")]
        with unit_of_work():
            routers.update(org_id, router_id, Changes(name="help"))
        then = [ask("now"), ask("look")]

    assert (first, then) == (["support", "support"], ["support", "help"])


def _store(org_id: str, router_id: str, row: object) -> None:
    """What another version of this program left in the database."""
    with unit_of_work():
        routers.get(org_id, router_id)
        session.add(row)
        bump("plans")


def _strange(router_id: str) -> dict[str, tuple[object, str]]:
    """What is stored, and what must be said of it."""
    return {
        "guardrail": (
            RouterInterceptor(router_id=router_id, type="prompt_shield", config={}),
            "the interceptor 'prompt_shield' is unknown",
        ),
        "setting": (
            RouterInterceptor(
                router_id=router_id, type="content_filter",
                config={"blocked_patterns": ["x"], "blocked_words": ["y"]},
            ),
            "the interceptor 'content_filter' cannot be read: blocked_words unknown setting",
        ),
        "feature": (
            RouterFeature(router_id=router_id, feature_type="hedging", config={}),
            "the feature 'hedging' is unknown",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("what", ["guardrail", "setting", "feature"])
def test_what_this_version_does_not_know_is_never_left_out(
    plans: Plans, org_id: str, router_id: str, what: str
) -> None:
    row, sentence = _strange(router_id)[what]
    _store(org_id, router_id, row)

    with pytest.raises(Unprocessable) as refused:
        plans.get(org_id, router_id)

    assert sentence in refused.value.message
    assert "'support'" in refused.value.message
    (finding, *_) = lint.findings(routers.get(org_id, router_id))
    assert (finding.severity, finding.code) == ("error", "unusable_part")
    assert sentence in finding.message[0].lower() + finding.message[1:]


def test_what_is_unknown_and_switched_off_does_no_harm(
    plans: Plans, org_id: str, router_id: str
) -> None:
    off = {"router_id": router_id, "config": {}, "is_enabled": False}
    _store(org_id, router_id, RouterInterceptor(type="prompt_shield", **off))

    assert stages(plans.get(org_id, router_id)) == []
    assert lint.findings(routers.get(org_id, router_id)) == []
    shown = [stage for place in road.road(routers.get(org_id, router_id)) for stage in place.stages]
    assert [(stage.kind.name, stage.kind.about) for stage in shown] == [
        ("prompt_shield", road.UNKNOWN)
    ]
