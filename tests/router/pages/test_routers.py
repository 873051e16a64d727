"""The list of routers and a new one, as a browser without JavaScript uses them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hyperstrate.router import routers
from hyperstrate.router.ports import Figures
from tests.people import Browser
from tests.router.pages.conftest import HTMX, BrowserAs, Workshop


def test_an_empty_list_names_the_next_step(admin: Browser) -> None:
    page = admin.get("/app/routers")

    assert page.status_code == 200
    assert "No routers yet" in page.text
    assert 'href="/app/routers/new"' in page.text


def test_the_list_shows_parts_and_what_happened(
    admin: Browser, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    router_id = workshop.router("support", workshop.model(), workshop.model(), active=True)
    admin.post(f"/app/routers/{router_id}/features/new/rate_limit", {"rps": "5", "burst": "0"})
    seen = {router_id: Figures(1234, 12, Decimal("0.000123"), 840)}
    monkeypatch.setattr(type(routers.ports().figures), "by_router", lambda *_: seen)

    text = admin.get("/app/routers").text

    for shown in (
        "support",
        "Active",
        "Failover",
        "Rate limit",
        "1,234",
        "1%",
        "840 ms",
        "$0.000123",
    ):
        assert shown in text
    assert f'href="/app/logs?routerId={router_id}&amp;range=7d"' in text


def test_a_search_is_answered_with_the_block_alone(admin: Browser, workshop: Workshop) -> None:
    workshop.router("support")
    workshop.router("batch")

    found = admin.get("/app/routers?q=batch", headers=HTMX)

    assert "<html" not in found.text
    assert "batch" in found.text
    assert "support" not in found.text
    assert "Nothing matches" in admin.get("/app/routers?q=zebra").text


def test_the_list_sorts_by_name(admin: Browser, workshop: Workshop) -> None:
    for name in ("beta", "Alpha", "gamma"):
        workshop.router(name)

    up, down = (admin.get(f"/app/routers?sort={sort}").text for sort in ("name", "-name"))

    assert up.index(">Alpha<") < up.index(">beta<") < up.index(">gamma<")
    assert down.index(">gamma<") < down.index(">Alpha<")


def test_a_router_is_made_and_leads_to_its_design(admin: Browser, workshop: Workshop) -> None:
    form = admin.get("/app/routers/new").text
    assert "Each target in turn" in form

    sent = admin.post(
        "/app/routers/new", {"name": "support", "strategy": "failover", "description": "for all"}
    )

    (made,) = routers.find(workshop.org_id).items
    assert sent.status_code == 303
    assert sent.location == f"/app/routers/{made.id}"
    assert (made.name, made.strategy, made.description) == ("support", "failover", "for all")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": "", "strategy": "random"}, "name"),
        ({"name": "new", "strategy": "best"}, "strategy"),
        ({"name": "taken", "strategy": "random"}, "name"),
    ],
)
def test_a_refused_form_keeps_what_was_typed_and_names_the_field(
    admin: Browser, workshop: Workshop, data: dict[str, str], field: str
) -> None:
    workshop.router("taken")
    admin.get("/app/routers/new")

    refused = admin.post("/app/routers/new", {**data, "description": "my words"})

    assert refused.status_code == 422
    assert f'id="field-{field}-errors"' in refused.text
    assert "my words" in refused.text
    assert f'value="{data["name"]}"' in refused.text


def test_a_router_is_activated_only_with_a_target(admin: Browser, workshop: Workshop) -> None:
    bare, ready = workshop.router("bare"), workshop.router("ready", workshop.model())
    admin.get("/app/routers")

    admin.post(f"/app/routers/{bare}/status", {"status": "active"})
    said = admin.get(f"/app/routers/{bare}").text
    assert "an active router needs at least one enabled target" in said
    assert workshop.stored(bare).status == "draft"

    admin.post(f"/app/routers/{ready}/status", {"status": "active"})
    assert "Deactivate" in admin.get(f"/app/routers/{ready}").text


PATHS = (
    "",
    "/strategy",
    "/add/call",
    "/features/new/retry",
    "/targets/new",
    "/percentages",
    "/test",
    "/settings",
)
ACTS = (
    "status",
    "strategy",
    "features/new/retry",
    "targets/new",
    "percentages",
    "settings",
    "test",
)


@pytest.mark.parametrize("path", PATHS)
def test_only_admins_of_the_organization_see_a_router(
    browser_as: BrowserAs, workshop: Workshop, path: str
) -> None:
    address = f"/app/routers/{workshop.router()}{path}"

    assert browser_as("admin").get(address).status_code == 200
    assert browser_as("stranger").get(address).status_code == 404
    assert browser_as("member").get(address).status_code == 403
    anonymous = browser_as(None).get(address)
    assert anonymous.status_code == 302
    assert anonymous.location.startswith("/app/login")


@pytest.mark.parametrize("act", ACTS)
def test_a_stranger_changes_nothing(browser_as: BrowserAs, workshop: Workshop, act: str) -> None:
    router_id = workshop.router()
    data = {"status": "inactive", "strategy": "random", "name": "mine", "prompt": "hi"}
    data |= {"modelId": workshop.model(), "max_retries": "1"}

    answer = browser_as("stranger").post(f"/app/routers/{router_id}/{act}", data)

    assert answer.status_code in (404, 422)
    router = workshop.stored(router_id)
    assert (router.name, router.status, router.strategy) == ("support", "draft", "failover")
    assert not router.targets
    assert not router.features
