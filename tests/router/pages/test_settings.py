"""The Settings tab: saved together, refused with the field, deleted by name."""

from __future__ import annotations

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
