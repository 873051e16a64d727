"""The pages of users, teams, organisations, invitations and the own account."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from hyperstrate.auth.models import Invitation, Organization, Team, User
from hyperstrate.auth.people import directory, organizations, sessions, teams
from hyperstrate.shared.db import session, unit_of_work
from tests.people import PASSWORD, Browser, People

BrowserAs = Callable[[str | None], Browser]
PAGES = ("/app/keys", "/app/users", "/app/teams", "/app/organization")


def _link(text: str) -> str:
    found = re.search(r'<code id="secret"[^>]*>([^<]+)</code>', text)
    assert found, text
    return html.unescape(found[1])


def _invite(browser: Browser, email: str = "eve@example.com", **form: Any) -> str:
    browser.get("/app/users")
    body = {"email": email, "role": "member", "expiresInDays": "7", **form}
    answer = browser.post("/app/users/invitations", body)
    assert answer.status_code == 200, answer.text
    return _link(answer.text).removeprefix("http://localhost")


def test_access_is_one_entry_of_the_navigation_with_tabs(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")

    for path in PAGES:
        page = browser.get(path)
        current = re.findall(r'href="([^"]+)"\s+aria-current="page"', page.text)
        assert page.status_code == 200
        assert current == ["/app/keys", path]
        for other in PAGES:
            assert f'href="{other}"' in page.text


def test_invites_by_a_link_that_is_shown_once(browser_as: BrowserAs, people: People) -> None:
    admin = browser_as("admin")

    link = _invite(admin, role="viewer", teamIds=[people.alice.team_id])
    later = admin.get("/app/users")
    newcomer = browser_as(None)
    form = newcomer.get(link)
    token = link.partition("token=")[2]
    body = {"token": token, "name": "Eve", "password": "a long enough password"}
    joined = newcomer.post("/app/invitation", body)
    home = newcomer.get("/app/users")

    assert "No mail is sent" in later.text
    assert token not in later.text
    assert "Join Acme" in form.text
    assert (joined.status_code, joined.location) == (303, "/app")
    assert "eve@example.com" in home.text
    assert "Invite somebody" not in home.text
    replayed = browser_as(None).get(link)
    assert replayed.status_code == 409
    assert "used already" in replayed.text


def test_a_wrong_invitation_keeps_what_was_typed(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    browser.get("/app/users")

    wrong = browser.post(
        "/app/users/invitations", {"email": "eve", "role": "viewer", "expiresInDays": "900"}
    )
    member = browser.post(
        "/app/users/invitations",
        {"email": "bob@example.com", "role": "viewer", "expiresInDays": "7"},
    )

    assert wrong.status_code == 400
    assert "must be a valid email address" in wrong.text
    assert "must be from 1 to 90" in wrong.text
    assert 'value="eve"' in wrong.text
    assert member.status_code == 409
    assert "is a member already" in member.text


def test_withdraws_an_invitation(browser_as: BrowserAs) -> None:
    browser = browser_as("admin")
    link = _invite(browser)
    invitation_id = session.scalar(select(Invitation.id))

    answer = browser.post(f"/app/users/invitations/{invitation_id}/revoke")

    assert answer.status_code == 303
    gone = browser_as(None).get(link)
    assert gone.status_code == 404
    assert "does not exist, or was withdrawn" in gone.text


def test_the_invited_person_joins_signed_in_and_another_is_told(
    browser_as: BrowserAs, people: People
) -> None:
    link = _invite(browser_as("admin"), people.carol.email)
    token = link.partition("token=")[2]
    carol, bob, anybody = browser_as("stranger"), browser_as("member"), browser_as(None)

    told = bob.get(link)
    refused = bob.post("/app/invitation", {"token": token})
    wrong = anybody.get(link) and anybody.post(
        "/app/invitation", {"token": token, "password": "a wrong password"}
    )
    shown = carol.get(link)
    joined = carol.post("/app/invitation", {"token": token})

    assert "You are signed in as bob@example.com" in told.text
    assert refused.status_code == 403
    assert wrong.status_code == 401
    assert "You are signed in as this person already" in shown.text
    assert joined.status_code == 303
    assert "Acme" in carol.get("/app/account").text


def test_changes_disables_and_enables_a_person(browser_as: BrowserAs, people: People) -> None:
    browser, path = browser_as("admin"), f"/app/users/{people.bob.id}"
    shown = browser.get(path)

    changed = browser.post(path, {"role": "viewer", "name": "Robert"})
    disabled = browser.post(f"{path}/disable")
    page = browser.get(disabled.location)
    browser.post(f"{path}/enable")
    wrong = browser.post(path, {"role": "king", "name": "Robert"})

    assert "bob@example.com" in shown.text
    assert changed.status_code == 303
    assert "Disabled in this organization" in page.text
    member = directory.person(people.bob.org_id, people.bob.id)
    assert (member.role, member.is_enabled, member.user.name) == ("viewer", True, "Robert")
    assert wrong.status_code == 400
    assert "must be one of" in wrong.text


def test_the_last_admin_is_told_why_not(browser_as: BrowserAs, people: People) -> None:
    browser, path = browser_as("admin"), f"/app/users/{people.alice.id}"
    browser.get(path)

    demoted = browser.post(path, {"role": "member", "name": "Alice"})
    disabled = browser.post(f"{path}/disable")
    removed = browser.post(f"{path}/remove", {"confirm": people.alice.email})

    assert [it.status_code for it in (demoted, disabled, removed)] == [409, 409, 409]
    for answer in (demoted, disabled, removed):
        assert "last admin; make somebody else admin first" in answer.text


def test_removes_a_person_once_the_e_mail_was_typed(browser_as: BrowserAs, people: People) -> None:
    browser, path = browser_as("admin"), f"/app/users/{people.bob.id}"
    browser.get(path)

    refused = browser.post(f"{path}/remove", {"confirm": "bob"})
    done = browser.post(f"{path}/remove", {"confirm": people.bob.email})

    assert refused.status_code == 400
    assert "did not match" in refused.text
    assert done.location == "/app/users"
    assert session.get(User, people.bob.id) is None


def test_ticks_the_teams_of_a_person(browser_as: BrowserAs, people: People) -> None:
    browser, org_id = browser_as("admin"), people.bob.org_id
    with unit_of_work():
        research = teams.create(org_id, "Research")
    path = f"/app/users/{people.bob.id}"
    browser.get(path)

    saved = browser.post(f"{path}/teams", {"teamIds": [research.id]})
    foreign = browser.post(f"{path}/teams", {"teamIds": [people.carol.team_id]})

    assert saved.status_code == 303
    assert [team.name for team in teams.of_person(org_id, people.bob.id)] == ["Research"]
    assert foreign.status_code == 404


def test_ends_a_person_s_sessions(browser_as: BrowserAs, people: People) -> None:
    bob, admin = browser_as("member"), browser_as("admin")
    admin.get("/app/users")

    answer = admin.post(f"/app/users/{people.bob.id}/sign-out")

    assert "2 sessions ended." in admin.get(answer.location).text
    assert bob.get("/app/account").location.startswith("/app/login")


def test_makes_changes_and_deletes_a_team(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as("admin")
    browser.get("/app/teams")

    made = browser.post("/app/teams", {"name": "Research", "description": "papers"})
    path = made.location
    added = browser.post(f"{path}/members", {"email": "bob@example.com"})
    wrong = browser.post(f"{path}/members", {"email": "carol@example.com"})
    form = {"name": "Science", "description": "", "maxRequests": "5", "maxCostUsd": "2.5"}
    changed = browser.post(path, form)
    bad = browser.post(path, {**form, "maxRequests": "-1"})
    page = browser.get(path)
    listed = browser.get("/app/teams")
    browser.post(f"{path}/members/{people.bob.id}/remove")
    refused = browser.post(f"{path}/delete", {"confirm": "Research"})
    deleted = browser.post(f"{path}/delete", {"confirm": "Science"})

    assert [it.status_code for it in (made, added, changed, deleted)] == [303] * 4
    assert (wrong.status_code, bad.status_code, refused.status_code) == (404, 400, 400)
    assert "is no member of this organization" in wrong.text
    assert "must be from 0" in bad.text
    assert "Disabled: its keys are refused." in page.text
    assert "bob@example.com" in page.text
    assert "Science" in listed.text
    assert session.scalar(select(Team).where(Team.name == "Science")) is None


def test_renames_the_own_organisation(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as("admin")
    browser.get("/app/organization")

    done = browser.post("/app/organization", {"name": "Acme & Sons"})
    wrong = browser.post("/app/organization", {"name": " "})

    assert done.status_code == 303
    assert wrong.status_code == 400
    assert organizations.get(people.alice.org_id).name == "Acme & Sons"
    assert "Acme &amp; Sons" in browser.get("/app/organization").text
    assert browser.get("/app/organization/all").status_code == 403


def test_a_platform_admin_manages_all_organisations(browser_as: BrowserAs, people: People) -> None:
    browser, path = browser_as("platform"), "/app/organization/all"
    acme = f"{path}/{people.alice.org_id}"

    page = browser.get(path)
    made = browser.post(path, {"name": "Initech"})
    browser.post(f"{acme}/disable")
    disabled = organizations.get(people.alice.org_id).is_enabled
    browser.post(f"{acme}/enable")
    mistyped = browser.post(f"{acme}/delete", {"confirm": "acme"})
    own = browser.post(f"{path}/{people.pat.org_id}/delete", {"confirm": "Globex"})
    deleted = browser.post(f"{acme}/delete", {"confirm": "Acme"})

    assert "Acme" in page.text
    assert made.status_code == 303
    assert disabled is False
    assert (mistyped.status_code, own.status_code, deleted.status_code) == (400, 409, 303)
    names = session.scalars(select(Organization.name).order_by(Organization.name)).all()
    assert names == ["Globex", "Initech"]


def test_switches_in_the_account_menu(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as("both")
    page = browser.get("/app/account")

    answer = browser.post("/app/account/switch", {"orgId": people.carol.org_id})
    there = browser.get("/app/users")

    assert "Switch to Globex" in page.text
    assert answer.location == "/app"
    assert "carol@example.com" in there.text
    assert "Switch to Acme" in there.text


def test_changes_the_own_name_and_password(browser_as: BrowserAs, people: People) -> None:
    browser, elsewhere = browser_as("viewer"), browser_as("viewer")
    browser.get("/app/account")
    change = {"currentPassword": PASSWORD, "newPassword": "another long password"}

    renamed = browser.post("/app/account/name", {"name": "Vera B."})
    wrong = browser.post("/app/account/password", {**change, "currentPassword": "guess"})
    done = browser.post("/app/account/password", change)
    page = browser.get("/app/account")

    assert renamed.status_code == done.status_code == 303
    assert wrong.status_code == 400
    assert "is wrong" in wrong.text
    assert "guess" not in wrong.text
    assert page.status_code == 200
    assert 'value="Vera B."' in page.text
    assert elsewhere.get("/app/account").location.startswith("/app/login")


def test_ends_other_sessions_and_leaves(browser_as: BrowserAs, people: People) -> None:
    browser, elsewhere = browser_as("both"), browser_as("both")
    browser.get("/app/account")
    own = [it for it in sessions.find(people.dora.id) if it.kind == "api"]

    one = browser.post(f"/app/account/sessions/{own[0].id}/end")
    others = browser.post("/app/account/sessions/end-others")
    left = browser.post(f"/app/account/leave/{people.carol.org_id}")
    stays = browser.post(f"/app/account/leave/{people.alice.org_id}")

    assert [it.status_code for it in (one, others, left, stays)] == [303, 303, 303, 409]
    assert "your only organization" in stays.text.lower()
    assert elsewhere.get("/app/account").location.startswith("/app/login")


def test_a_copied_cookie_is_dead_after_sign_out(browser_as: BrowserAs) -> None:
    browser, thief = browser_as("admin"), browser_as(None)
    cookie = browser.client.get_cookie("hyperstrate")
    assert cookie
    thief.client.set_cookie("hyperstrate", cookie.value)
    assert thief.get("/app/keys").status_code == 200

    browser.post("/app/logout")

    assert thief.get("/app/keys").location.startswith("/app/login")


@pytest.mark.parametrize("path", [*PAGES, "/app/users/{bob}", "/app/teams/{team}", "/app"])
def test_a_viewer_sees_no_button_that_changes_something(
    browser_as: BrowserAs, people: People, path: str
) -> None:
    browser = browser_as("viewer")

    page = browser.get(path.format(bob=people.bob.id, team=people.alice.team_id))

    assert page.status_code == 200
    forms = re.findall(r'<form[^>]*method="post"\s+action="([^"]+)"', page.text)
    assert set(forms) <= {"/app/logout", "/app/account/switch"}


@pytest.mark.parametrize("part", ["member", "viewer"])
def test_nobody_but_an_admin_changes_people(
    browser_as: BrowserAs, people: People, part: str
) -> None:
    browser = browser_as(part)
    browser.get("/app/account")

    for path in (f"/app/users/{people.bob.id}", "/app/users/invitations", "/app/teams"):
        assert browser.post(path, {"role": "admin", "name": "x"}).status_code == 403
    assert browser.post("/app/organization/all", {"name": "x"}).status_code == 403


def test_a_member_arrives_at_the_own_account(browser_as: BrowserAs) -> None:
    browser = browser_as("member")

    start = browser.get("/app")
    page = browser.get("/app/account")

    assert start.location == "/app/account"
    assert re.findall(r'class="nav-entry"\s+href="([^"]+)"', page.text) == ["/app/settings"]
    assert browser.get("/app/keys").status_code == 403
