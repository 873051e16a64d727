"""The settings: set-up for everybody, what is kept for admins, the rest for platform admins."""

from __future__ import annotations

import pytest

from hyperstrate.auth.people import teams
from hyperstrate.router import routers
from hyperstrate.shared.db import unit_of_work
from tests.observability.pages.conftest import Bring, BrowserAs, Installed
from tests.people import Browser, Part, People

PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def test_the_set_up_names_this_address_and_the_chosen_router(
    admin: Browser, installed: Installed, people: People
) -> None:
    installed.activate(people.alice.org_id)

    text = admin.get(f"/app/settings?routerId={installed.router_id}").text

    assert "http://localhost/v1" in text
    assert "export ANTHROPIC_BASE_URL=http://localhost\n" in text
    assert "aider --model openai/support" in text
    assert "/app/keys" in text


def test_a_member_finds_the_set_up_and_only_their_routers(
    browser_as: BrowserAs, installed: Installed, people: People
) -> None:
    installed.activate(people.alice.org_id)
    before = browser_as("member").get("/app/settings").text
    with unit_of_work():
        team = teams.create(people.alice.org_id, "Others")
        routers.grant(people.alice.org_id, installed.router_id, team.id)

    after = browser_as("member").get("/app/settings").text
    viewed = browser_as("viewer").get("/app/settings").text

    assert installed.router_id in before
    assert 'href="/app/settings"' in before
    assert 'href="/app/logs"' not in before
    assert installed.router_id not in after
    assert "There is no active router that you may call" in after
    assert installed.router_id in viewed


def test_without_a_router_the_snippets_have_a_name_to_replace(admin: Browser) -> None:
    assert "your-router" in admin.get("/app/settings").text


def test_retention_tells_days_and_figures(admin: Browser, bring: Bring) -> None:
    bring()

    text = admin.get("/app/settings/retention").text

    assert "90 days" in text
    assert "365 days" in text
    assert "LOG_RETENTION_DAYS" in text
    assert "/app/settings/system" not in text


def test_a_platform_admin_sees_keys_and_parts(browser_as: BrowserAs) -> None:
    browser = browser_as("platform")

    secrets = browser.get("/app/settings/secrets").text
    system = browser.get("/app/settings/system")
    block = browser.get("/app/settings/system", headers=PARTIAL).text

    assert "flask secrets rotate" in secrets
    assert "SameSite=Lax" in secrets
    assert "Kept of all organizations" in system.text
    assert "No process of this host records" in system.text
    assert block.lstrip().startswith('<div id="system"')


@pytest.mark.parametrize("part", ["admin", "viewer", "member"])
@pytest.mark.parametrize("page", ["secrets", "system"])
def test_others_do_not_see_the_installation(browser_as: BrowserAs, part: Part, page: str) -> None:
    assert browser_as(part).get(f"/app/settings/{page}").status_code == 403
