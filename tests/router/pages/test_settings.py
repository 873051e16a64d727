"""The Settings tab: saved together, refused with the field, deleted by name."""

from __future__ import annotations

from decimal import Decimal

from hyperstrate.auth import limits
from hyperstrate.auth.books import budgets
from hyperstrate.prompts import library
from hyperstrate.router import routers
from hyperstrate.shared.db import unit_of_work
from tests.people import Browser, People
from tests.router.pages.conftest import HTMX, Workshop


def test_settings_are_saved_together(admin: Browser, workshop: Workshop, people: People) -> None:
    router_id = workshop.router()
    with unit_of_work():
        prompt = library.create(workshop.org_id, "Polite", "Be polite")
    form = admin.get(f"/app/routers/{router_id}/settings").text
    assert "Polite" in form
    assert "in full, for every admin to read" in form

    data = {
        "name": "helpdesk",
        "description": "For customers",
        "promptId": prompt.id,
        "storePayloads": "true",
        "teams": people.alice.team_id,
    }
    saved = admin.post(f"/app/routers/{router_id}/settings", data)

    router = workshop.stored(router_id)
    assert saved.status_code == 303
    assert (router.name, router.description) == ("helpdesk", "For customers")
    assert (router.configuration.prompt_id, router.configuration.store_payloads) == (
        prompt.id,
        True,
    )
    assert [access.team_id for access in router.accesses] == [people.alice.team_id]


def test_what_is_left_out_is_taken_away(admin: Browser, workshop: Workshop, people: People) -> None:
    router_id = workshop.router()
    admin.get("/app/routers")
    data = {"name": "support", "description": "words", "storePayloads": "true"}
    admin.post(f"/app/routers/{router_id}/settings", {**data, "teams": people.alice.team_id})

    admin.post(f"/app/routers/{router_id}/settings", {"name": "support", "description": ""})

    router = workshop.stored(router_id)
    assert (router.description, router.configuration.store_payloads) == ("", False)
    assert not router.accesses


def test_a_taken_name_is_refused_and_what_was_typed_stays(
    admin: Browser, workshop: Workshop, people: People
) -> None:
    router_id = workshop.router()
    workshop.router("taken")
    admin.get("/app/routers")

    data = {"name": "taken", "description": "my words", "teams": people.alice.team_id}
    refused = admin.post(f"/app/routers/{router_id}/settings", data, headers=HTMX)

    assert refused.status_code == 422
    assert 'id="field-name-errors"' in refused.text
    assert "my words" in refused.text
    assert refused.text.count("checked") == 1
    assert "<html" not in refused.text


def test_another_organizations_team_is_refused(
    admin: Browser, workshop: Workshop, people: People
) -> None:
    router_id = workshop.router()
    admin.get("/app/routers")

    data = {"name": "support", "teams": people.carol.team_id}
    refused = admin.post(f"/app/routers/{router_id}/settings", data)

    assert refused.status_code == 422
    assert not workshop.stored(router_id).accesses


def test_a_router_is_deleted_only_by_typing_its_name(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router()
    admin.get("/app/routers")

    refused = admin.post(f"/app/routers/{router_id}/delete", {"confirm": "suport"})
    assert refused.status_code == 422
    assert "type the router" in refused.text
    assert routers.exists(workshop.org_id, router_id)

    deleted = admin.post(f"/app/routers/{router_id}/delete", {"confirm": "support"})
    assert deleted.location == "/app/routers"
    assert not routers.exists(workshop.org_id, router_id)


def test_the_budgets_and_limits_that_apply_are_shown(
    admin: Browser, workshop: Workshop, people: People
) -> None:
    router_id, org_id = workshop.router(), people.alice.org_id
    bare = admin.get(f"/app/routers/{router_id}/settings").text
    columns = {"amount": Decimal(7), "unit": "usd", "period": "total"}
    with unit_of_work():
        limits.set(org_id, "organization", org_id, concurrent_requests=3)
        budgets.create(org_id, "router", router_id, {**columns, "name": "Its own"})
        budgets.create(org_id, "team", people.alice.team_id, {**columns, "name": "Of a team"})

    text = admin.get(f"/app/routers/{router_id}/settings").text

    assert "None but those of the key and team that call." in bare
    assert f'href="/app/budgets/new?scope=router&amp;scopeId={router_id}"' in bare
    assert "Its own" in text
    assert "Used of $7.00" in text
    assert "The organization: 3 at once." in text
    assert "Of a team" not in text
