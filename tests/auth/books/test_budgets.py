"""Budgets: made, changed, raised and deleted by the service, over REST and on pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from hyperstrate.auth.books import budget_views, budgets
from hyperstrate.auth.models import Budget
from hyperstrate.auth.people import teams
from hyperstrate.shared.db import now, session, unit_of_work
from hyperstrate.shared.errors import Conflict, NotFound
from tests.auth.books.rows import budget, entry, write
from tests.auth.conftest import Routers
from tests.people import Browser, Part, People

ClientAs = Callable[[Part | None], FlaskClient]
BrowserAs = Callable[[Part | None], Browser]
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


def body(people: People, **values: Any) -> dict[str, Any]:
    """A budget of Acme's default team, as REST takes it."""
    return {"scope": "team", "scopeId": people.alice.team_id, "amount": 12.5, **values}


def in_future(hours: int = 1) -> str:
    return (now() + timedelta(hours=hours)).isoformat()


def test_a_budget_over_rest(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")

    made = client.post("/auth/budgets", json=body(people, timeZone="Europe/Berlin"))

    assert made.status_code == 201, made.text
    shown = made.get_json()
    path = f"/auth/budgets/{shown['id']}"
    expected = {"unit": "usd", "period": "monthly", "isHard": True, "alertPercents": [80]}
    assert shown | expected == shown
    assert (shown["scopeName"], shown["amount"], shown["remaining"]) == ("Default", 12.5, 12.5)
    assert shown["windowStart"] < shown["windowEnd"]
    assert client.get(path).get_json() == shown
    assert len(client.get("/auth/budgets?scope=team").get_json()["items"]) == 1
    assert client.get("/auth/budgets?scope=router").get_json()["items"] == []
    changed = client.patch(path, json={"amount": 20, "isHard": False, "period": "daily"})
    assert (changed.get_json()["amount"], changed.get_json()["isHard"]) == (20, False)
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "-Infinity"}, "amount"),
        ({"amount": "1e400"}, "amount"),
        ({"amount": 1e9}, "amount"),
        ({"amount": "1e-11"}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 1.5, "unit": "requests"}, "amount"),
        ({"amount": 10**16, "unit": "tokens"}, "amount"),
        ({"unit": "euros"}, "unit"),
        ({"period": "hourly"}, "period"),
        ({"period": "rolling"}, "rollingHours"),
        ({"period": "daily", "rollingHours": 5}, "rollingHours"),
        ({"period": "rolling", "rollingHours": -1}, "rollingHours"),
        ({"period": "rolling", "rollingHours": 10**6}, "rollingHours"),
        ({"period": "rolling", "rollingHours": 1.5}, "rollingHours"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"timeZone": "../etc/passwd"}, "timeZone"),
        ({"timeZone": ""}, "timeZone"),
        ({"alertPercents": [0]}, "alertPercents"),
        ({"alertPercents": [100]}, "alertPercents"),
        ({"alertPercents": [50.5]}, "alertPercents"),
        ({"alertPercents": list(range(1, 20))}, "alertPercents"),
        ({"scope": "planet"}, "scope"),
        ({"scopeId": ""}, "scopeId"),
        ({"name": "x" * 300}, "name"),
        ({"name": "\x00"}, "name"),
    ],
)
def test_absurd_budgets_are_refused_with_the_field(
    values: dict[str, Any], field: str, client_as: ClientAs, people: People
) -> None:
    refused = client_as("admin").post("/auth/budgets", json=body(people, **values))

    assert refused.status_code in (400, 422), refused.text
    assert any(name.startswith(field) for name in refused.get_json()["fields"]), refused.text
    assert session.query(Budget).count() == 0


def test_a_change_must_fit_what_is_there(client_as: ClientAs, people: People) -> None:
    client = client_as("admin")
    one = budget(people.alice.org_id, unit="requests", amount=5)
    path = f"/auth/budgets/{one.id}"

    for wrong in ({"amount": 1.5}, {"amount": 0}, {"period": "rolling"}, {"rollingHours": 3}):
        assert client.patch(path, json=wrong).status_code in (400, 422), wrong
    rolling = client.patch(path, json={"period": "rolling", "rollingHours": 3})
    back = client.patch(path, json={"period": "weekly"})

    assert rolling.get_json()["rollingHours"] == 3
    assert (back.get_json()["period"], back.get_json()["rollingHours"]) == ("weekly", 0)


def test_overlapping_windows_are_allowed_and_each_counts(
    client_as: ClientAs, people: People, org_id: str
) -> None:
    write(entry(org_id, "4", team_id=people.alice.team_id))
    client = client_as("admin")

    for period in ("daily", "daily", "weekly", "monthly", "total"):
        assert client.post("/auth/budgets", json=body(people, period=period)).status_code == 201

    found = client.get("/auth/budgets").get_json()["items"]
    assert [(one["used"], one["remaining"]) for one in found] == [(4, 8.5)] * 5


def test_another_period_is_counted_anew(org_id: str) -> None:
    one = budget(org_id, period="total")
    write(entry(org_id, "4"), entry(org_id, "9", at=(now() - timedelta(days=99)).timestamp()))

    with unit_of_work():
        budgets.change(org_id, one.id, {"period": "rolling", "rolling_hours": 24})

    assert budget_views.of(one).used == 4


def test_a_raise_over_rest(client_as: ClientAs, org_id: str) -> None:
    client, one = client_as("admin"), budget(org_id, amount=10)
    path = f"/auth/budgets/{one.id}/raise"

    raised = client.put(path, json={"amount": 5, "until": in_future()}).get_json()
    ended = client.put(path, json={"amount": 0}).get_json()

    assert (raised["raisedBy"], raised["amount"], raised["remaining"]) == (5, 10, 15)
    assert (ended["raisedBy"], ended["raisedUntil"], ended["remaining"]) == (0, None, 10)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"amount": 5}, "until"),
        ({"amount": 5, "until": "2020-01-01T00:00:00Z"}, "until"),
        ({"amount": 5, "until": "soon"}, "until"),
        ({"amount": -5, "until": "2099-01-01T00:00:00Z"}, "amount"),
        ({"amount": 10**30, "until": "2099-01-01T00:00:00Z"}, "amount"),
        ({"amount": 99_999_999, "until": "2099-01-01T00:00:00Z"}, "amount"),
        ({"amount": "NaN", "until": "2099-01-01T00:00:00Z"}, "amount"),
    ],
)
def test_absurd_raises_are_refused(
    values: dict[str, Any], field: str, client_as: ClientAs, org_id: str
) -> None:
    one = budget(org_id, amount=10)

    refused = client_as("admin").put(f"/auth/budgets/{one.id}/raise", json=values)

    assert refused.status_code in (400, 422), refused.text
    assert field in refused.get_json()["fields"]


def test_a_ceiling_is_a_budget_that_changes_with_its_team(
    client_as: ClientAs, people: People, org_id: str
) -> None:
    team_id = people.alice.team_id
    with unit_of_work():
        teams.update(org_id, team_id, {"max_cost_usd": 7.5})
    [cap] = budgets.find(org_id, scope="team", scope_id=team_id).items
    path = f"/auth/budgets/{cap.id}"

    for refused in (
        client_as("admin").patch(path, json={"amount": 1}),
        client_as("admin").delete(path),
    ):
        assert refused.status_code == 409
        assert refused.get_json()["error"] == "this is the ceiling of a team: change it there"
    with pytest.raises(Conflict):
        budgets.delete(org_id, cap.id)
    assert (cap.is_cap, budget_views.of(cap).amount) == (True, Decimal("7.5"))

    with unit_of_work():
        teams.update(org_id, team_id, {"max_cost_usd": 9})
    assert budget_views.of(budgets.get(org_id, cap.id)).amount == 9
    with unit_of_work():
        teams.update(org_id, team_id, {"max_cost_usd": 0})
    with pytest.raises(NotFound):
        budgets.get(org_id, cap.id)


def test_a_team_that_goes_takes_its_budgets_and_leaves_what_was_spent(org_id: str) -> None:
    with unit_of_work():
        team = teams.create(org_id, "Blue")
    one = budget(org_id, "team", team.id)
    whole = budget(org_id)
    write(entry(org_id, "3", team_id=team.id))

    with unit_of_work():
        teams.delete(org_id, team.id)

    with pytest.raises(NotFound):
        budgets.get(org_id, one.id)
    assert budget_views.of(whole).used == 3


def test_what_the_organization_has_not_has_no_budget(client_as: ClientAs, people: People) -> None:
    for scope in ("organization", "team", "router", "api_key", "virtual_key"):
        wanted = body(people, scope=scope, scopeId="nothing")
        assert client_as("admin").post("/auth/budgets", json=wanted).status_code == 404


FORM = {
    "unit": "usd",
    "amount": "25.50",
    "period": "daily",
    "timeZone": "Europe/Berlin",
    "rollingHours": "",
    "kind": "soft",
    "alerts": "50, 80%",
    "name": "Spring",
}


def made_on_page(browser: Browser, people: People) -> str:
    """The address of a budget that was made on the page."""
    form = {**FORM, "scope": "team", "scopeId": people.alice.team_id}
    browser.get("/app/budgets")
    made = browser.post("/app/budgets", form)
    assert made.status_code == 303, made.text
    return str(made.headers["Location"])


def test_a_budget_is_made_and_changed_on_pages(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as("admin")
    assert "No budgets yet" in browser.get("/app/budgets").text
    form = browser.get("/app/budgets/new?scope=team").text
    assert '<option value="Europe/Berlin">' in form
    assert "Default" in form

    place = made_on_page(browser, people)
    shown = browser.get(place).text
    changed = browser.post(place, {**FORM, "amount": "30", "kind": "hard", "alerts": ""})

    assert 'value="50, 80"' in shown
    assert "it only tells" in shown
    assert changed.status_code == 303
    [one] = budgets.find(people.alice.org_id).items
    assert (one.amount, one.is_hard, one.alert_percents) == (30 * 10**10, True, [])
    assert (one.created_by, one.is_enabled) == (people.alice.id, True)
    listed = browser.get("/app/budgets?scope=team").text
    assert "Spring" in listed
    assert 'role="meter"' in listed
    assert "None of these has a budget" in browser.get("/app/budgets?scope=router").text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amount": "-3"}, "must be above zero"),
        ({"amount": ""}, "this field is required"),
        ({"timeZone": "Mars/Olympus"}, "must be a time zone"),
        ({"period": "rolling"}, "this field is required"),
        ({"alerts": "50, many"}, "must be whole numbers from 1 to 99"),
        ({"alerts": "9" * 5000}, "must be whole numbers from 1 to 99"),
        ({"kind": "firm"}, "must be one of"),
    ],
)
def test_forms_keep_what_was_typed_and_name_the_field(
    wrong: dict[str, str], said: str, browser_as: BrowserAs, people: People
) -> None:
    browser = browser_as("admin")
    place = made_on_page(browser, people)
    new = {**FORM, **wrong, "scope": "team", "scopeId": people.alice.team_id}

    for path, form in (("/app/budgets", new), (place, {**FORM, **wrong, "name": "Typed"})):
        refused = browser.post(path, form)
        assert refused.status_code == 422
        assert said in refused.text
        assert f'value="{form["name"]}"' in refused.text
    assert len(budgets.find(people.alice.org_id).items) == 1


def test_a_raise_on_the_page_and_its_end(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as("admin")
    place = made_on_page(browser, people)
    until = f"{now() + timedelta(days=2):%Y-%m-%dT%H:%M}"

    wrong = browser.post(f"{place}/raise", {"amount": "5", "until": "2020-01-01T00:00"})
    raised = browser.post(f"{place}/raise", {"amount": "5", "until": until})
    shown = browser.get(place).text
    ended = browser.post(f"{place}/end-raise")

    assert wrong.status_code == 422
    assert "must be in the future" in wrong.text
    assert (raised.status_code, ended.status_code) == (303, 303)
    assert "Larger by $5.00 until" in shown
    assert "$30.50" in shown
    assert "Larger by" not in browser.get(place).text


def test_a_budget_is_disabled_and_deleted_on_its_page(
    browser_as: BrowserAs, people: People
) -> None:
    browser = browser_as("admin")
    place = made_on_page(browser, people)

    browser.post(f"{place}/enable", {"isEnabled": "false"})
    assert "disabled" in browser.get(place).text
    browser.post(f"{place}/enable", {"isEnabled": "true"})
    assert budgets.find(people.alice.org_id).items[0].is_enabled

    assert browser.post(f"{place}/delete").status_code == 303
    assert browser.get(place).status_code == 404


def test_books_are_checked_on_the_pages(browser_as: BrowserAs, people: People) -> None:
    browser = browser_as("admin")
    place = made_on_page(browser, people)

    alone = browser.get(f"{place}/books", headers=PARTIAL).text.strip()
    every = browser.get("/app/budgets/books").text

    assert alone.startswith('<div id="books"')
    assert "even" in alone
    assert "All even." in every


def test_a_viewer_sees_budgets_and_no_button(browser_as: BrowserAs, people: People) -> None:
    place = made_on_page(browser_as("admin"), people)
    viewer = browser_as("viewer")

    pages = viewer.get("/app/budgets").text + viewer.get(place).text

    assert "Spring" in pages
    for words in ("New budget", "Save</button>", "Delete", "Disable", "Raise</button>"):
        assert words not in pages.replace("disabled", "")
    assert viewer.post(place, FORM).status_code == 403
    assert browser_as("member").get("/app/budgets").status_code == 403


def test_the_page_of_a_ceiling_has_no_form_but_a_raise(
    browser_as: BrowserAs, people: People, org_id: str
) -> None:
    with unit_of_work():
        teams.update(org_id, people.alice.team_id, {"max_requests": 100})
    [cap] = budgets.find(org_id).items
    browser = browser_as("admin")

    shown = browser.get(f"/app/budgets/{cap.id}").text

    assert "This is the ceiling of a team" in shown
    assert "More by" in shown
    assert "Disable" not in shown
    assert browser.post(f"/app/budgets/{cap.id}", FORM).status_code == 422
    assert browser.post(f"/app/budgets/{cap.id}/delete").status_code == 409


def test_a_strangers_budget_is_not_found(browser_as: BrowserAs, people: People) -> None:
    place = made_on_page(browser_as("admin"), people)
    stranger = browser_as("stranger")
    until = f"{now() + timedelta(days=2):%Y-%m-%dT%H:%M}"

    assert stranger.get(place).status_code == 404
    assert stranger.get(f"{place}/books").status_code == 404
    assert stranger.post(place, FORM).status_code == 404
    assert stranger.post(f"{place}/raise", {"amount": "5", "until": until}).status_code == 404
    for action in ("end-raise", "enable", "delete"):
        assert stranger.post(f"{place}/{action}").status_code == 404


def test_budgets_that_are_nearly_used_are_told_the_fullest_first(org_id: str) -> None:
    full, half, nearly = (budget(org_id, amount=amount) for amount in (1, 2, "1.05"))
    off = budget(org_id, amount=1, is_enabled=False)
    write(entry(org_id, "1"))

    found = budget_views.nearly_used(org_id)

    assert [state.id for state in found] == [full.id, nearly.id]
    assert found[0].used == found[0].in_force == 1
    assert found[0].used_percent == 100
    assert (found[0].scope, found[0].scope_name, found[0].unit) == ("organization", "Acme", "usd")
    assert {half.id, off.id}.isdisjoint(state.id for state in found)


def test_the_budgets_of_a_router_are_its_own_and_its_organizations(
    people: People, router_id: str, routers: Routers
) -> None:
    org_id = people.alice.org_id
    routers.of[org_id]["rtr_other"] = "Other"
    whole, own = budget(org_id), budget(org_id, "router", router_id)
    budget(org_id, "router", "rtr_other")
    budget(org_id, "team", people.alice.team_id)
    share = budget(org_id, "team", people.alice.team_id, router_id=router_id)

    found = budget_views.on_router(org_id, router_id)

    assert {state.id for state in found} == {whole.id, own.id, share.id}
