"""The Design tab: the road in the order of the pipeline, hints, the strategy."""

from __future__ import annotations

from hyperstrate.router import parts, routers
from hyperstrate.shared.db import unit_of_work
from tests.people import Browser
from tests.router.pages.conftest import HTMX, Workshop


def test_the_road_stands_in_the_order_of_the_pipeline(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router("support", workshop.model("Swift"), strategy="random")
    with unit_of_work():
        for name in ("retry", "rate_limit", "fallback", "response_cache"):
            parts.add_feature(workshop.org_id, router_id, name, {})
        config = {"blocked_patterns": ["secret"]}
        parts.add_interceptor(workshop.org_id, router_id, "content_filter", config)

    text = admin.get(f"/app/routers/{router_id}").text

    names = [
        "Rate limit",
        "Response cache",
        "Content filter",
        "Random",
        "Fallback",
        "Retry",
        "Swift",
    ]
    places = [text.index(f">{name}</a>") for name in names]
    assert places == sorted(places)


def test_a_draft_without_targets_names_the_next_step(admin: Browser, workshop: Workshop) -> None:
    text = admin.get(f"/app/routers/{workshop.router()}").text

    assert "Add a target to call" in text
    assert "Comes with failover" in text


def test_what_can_be_added_is_only_what_is_not_there(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router(strategy="random")
    with unit_of_work():
        parts.add_feature(workshop.org_id, router_id, "retry", {})

    listed = admin.get(f"/app/routers/{router_id}/add/call", headers=HTMX).text

    assert "<html" not in listed
    assert "features/new/fallback" in listed
    assert "features/new/retry" not in listed
    assert admin.get(f"/app/routers/{router_id}/add/nowhere").status_code == 404


def test_another_strategy_is_chosen(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router()
    panel = admin.get(f"/app/routers/{router_id}/strategy", headers=HTMX)
    assert "<html" not in panel.text

    saved = admin.post(f"/app/routers/{router_id}/strategy", {"strategy": "latency_based"})

    assert saved.location == f"/app/routers/{router_id}"
    assert workshop.stored(router_id).strategy == "latency_based"


def test_an_active_router_keeps_its_strategy_while_percentages_are_wrong(
    admin: Browser, workshop: Workshop
) -> None:
    router_id = workshop.router("support", workshop.model(), active=True)
    with unit_of_work():
        changes = parts.TargetChanges(percentage=30)
        parts.update_target(workshop.org_id, router_id, workshop.target(router_id), changes)

    refused = admin.post(f"/app/routers/{router_id}/strategy", {"strategy": "percentage"})

    assert refused.status_code == 422
    assert "must sum to 100, not 30" in refused.text
    assert "Set the percentages first" in refused.text
    assert workshop.stored(router_id).strategy == "failover"


def test_allowed_teams_and_the_prompt_stand_in_the_road(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router()
    assert "Everybody of the organization" in admin.get(f"/app/routers/{router_id}").text
    team_id = next(iter(routers.ports().teams.names(workshop.org_id)))
    with unit_of_work():
        routers.grant(workshop.org_id, router_id, team_id)

    text = admin.get(f"/app/routers/{router_id}").text

    assert "Everybody of the organization" not in text
    assert "Default" in text
