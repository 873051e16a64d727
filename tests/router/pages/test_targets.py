"""Targets: added, edited, switched and removed; percentages are one form."""

from __future__ import annotations

import pytest

from tests.people import Browser
from tests.router.pages.conftest import HTMX, Workshop


def _shares(workshop: Workshop, router_id: str) -> list[float]:
    return [row.percentage for row in workshop.stored(router_id).targets]


def test_without_models_the_form_leads_to_the_catalog(admin: Browser, workshop: Workshop) -> None:
    page = admin.get(f"/app/routers/{workshop.router()}/targets/new")

    assert "No models yet" in page.text
    assert 'href="/app/models/catalog"' in page.text


def test_a_target_is_added_behind_the_others(admin: Browser, workshop: Workshop) -> None:
    one, two = workshop.model("One"), workshop.model("Two", "chatgpt/gpt-5")
    router_id = workshop.router()
    form = admin.get(f"/app/routers/{router_id}/targets/new")
    assert "Two · OpenAI · key missing" in form.text

    for model in (one, two):
        sent = admin.post(f"/app/routers/{router_id}/targets/new", {"modelId": model})
        assert sent.location == f"/app/routers/{router_id}"

    rows = workshop.stored(router_id).targets
    assert [(row.model_id, row.priority) for row in rows] == [(one, 0), (two, 1)]
    assert _shares(workshop, router_id) == [100, 0]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"modelId": ""}, "this field is required"),
        ({"modelId": "mdl_gone"}, "no such model"),
        ({"priority": "first"}, "must be a whole number"),
        ({"priority": "-1"}, "must be from 0 to 1000000"),
    ],
)
def test_a_refused_target_says_why(
    admin: Browser, workshop: Workshop, data: dict[str, str], complaint: str
) -> None:
    router_id = workshop.router()
    typed = {"modelId": workshop.model(), "priority": "7"}
    admin.get("/app/routers")

    refused = admin.post(f"/app/routers/{router_id}/targets/new", {**typed, **data})

    assert refused.status_code == 422
    assert complaint in refused.text
    assert f'value="{data.get("priority", "7")}"' in refused.text


def test_a_target_is_edited_in_the_drawer(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router("support", workshop.model(), strategy="weighted")
    address = f"/app/routers/{router_id}/targets/{workshop.target(router_id)}"
    panel = admin.get(address, headers=HTMX)
    assert "<html" not in panel.text
    assert "Weight" in panel.text

    admin.get("/app/routers")
    admin.post(address, {"weight": "5"})

    (row,) = workshop.stored(router_id).targets
    assert row.weight == 5
    assert "weight 5" in admin.get(f"/app/routers/{router_id}").text


def test_the_last_target_of_an_active_router_stays(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router("support", workshop.model(), active=True)
    address = f"/app/routers/{router_id}/targets/{workshop.target(router_id)}"
    complaint = "active router needs at least one enabled target"
    admin.get("/app/routers")

    swapped = admin.post(f"{address}/switch", headers=HTMX)
    assert swapped.status_code == 422
    assert complaint in swapped.text
    assert "<html" not in swapped.text

    assert admin.post(f"{address}/remove").status_code == 303
    assert complaint in admin.get(f"/app/routers/{router_id}").text
    assert workshop.stored(router_id).targets[0].is_enabled


def test_a_target_is_switched_and_removed(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router("support", workshop.model(), workshop.model())
    address = f"/app/routers/{router_id}/targets/{workshop.target(router_id)}"
    admin.get("/app/routers")

    admin.post(f"{address}/switch")
    assert not workshop.stored(router_id).targets[0].is_enabled

    admin.post(f"{address}/remove")
    assert len(workshop.stored(router_id).targets) == 1


def test_percentages_are_set_together(admin: Browser, workshop: Workshop) -> None:
    models = [workshop.model(), workshop.model()]
    router_id = workshop.router("support", *models, strategy="percentage", active=True)
    one, two = workshop.target(router_id, 0), workshop.target(router_id, 1)
    assert admin.get(f"/app/routers/{router_id}/percentages").status_code == 200

    shares = {f"percentage-{one}": "70", f"percentage-{two}": "30"}
    on = {f"enabled-{one}": "true", f"enabled-{two}": "true"}
    saved = admin.post(f"/app/routers/{router_id}/percentages", {**shares, **on})

    assert saved.status_code == 303
    assert _shares(workshop, router_id) == [70, 30]


@pytest.mark.parametrize(
    ("shares", "complaint", "total"),
    [
        (("70", "20"), "must sum to 100, not 90", ">90<"),
        (("70", "thirty"), "must be a number from 0 to 100", ">70<"),
        (("170", "-70"), "must be a number from 0 to 100", ">100<"),
        (("nan", "0"), "must be a number from 0 to 100", ">0<"),
    ],
)
def test_percentages_that_are_wrong_are_refused_even_in_a_draft(
    admin: Browser, workshop: Workshop, shares: tuple[str, str], complaint: str, total: str
) -> None:
    router_id = workshop.router("support", workshop.model(), workshop.model())
    ids = [workshop.target(router_id, place) for place in (0, 1)]
    data = {f"percentage-{id}": share for id, share in zip(ids, shares, strict=True)}
    admin.get("/app/routers")

    on = {f"enabled-{id}": "true" for id in ids}
    refused = admin.post(f"/app/routers/{router_id}/percentages", {**data, **on})

    assert refused.status_code == 422
    assert complaint in refused.text
    assert f'value="{shares[1]}"' in refused.text
    assert total in refused.text
    assert _shares(workshop, router_id) == [100, 0]


def test_a_target_that_is_switched_off_in_the_form_does_not_count(
    admin: Browser, workshop: Workshop
) -> None:
    models = [workshop.model(), workshop.model()]
    router_id = workshop.router("support", *models, strategy="percentage", active=True)
    one, two = workshop.target(router_id, 0), workshop.target(router_id, 1)
    admin.get("/app/routers")

    data = {f"percentage-{one}": "60", f"percentage-{two}": "100", f"enabled-{two}": "true"}
    saved = admin.post(f"/app/routers/{router_id}/percentages", data)

    assert saved.status_code == 303
    rows = workshop.stored(router_id).targets
    assert [(row.percentage, row.is_enabled) for row in rows] == [(60, False), (100, True)]


def test_targets_are_moved_by_buttons(admin: Browser, workshop: Workshop) -> None:
    models = [workshop.model(name) for name in ("One", "Two", "Three")]
    router_id = workshop.router("support", *models)
    one, _, three = (workshop.target(router_id, place) for place in range(3))
    address = f"/app/routers/{router_id}"
    assert f'id="earlier-{three}"' in admin.get(address).text

    swapped = admin.post(f"{address}/targets/{three}/move", {"to": "earlier"}, headers=HTMX)
    plain = admin.post(f"{address}/targets/{one}/move", {"to": "later"})

    rows = workshop.stored(router_id).targets
    assert "<html" not in swapped.text
    assert plain.location == address
    assert [(row.model_id, row.priority) for row in rows] == [
        (models[2], 0),
        (models[0], 1),
        (models[1], 2),
    ]


def test_the_ends_of_the_list_are_the_ends(admin: Browser, workshop: Workshop) -> None:
    models = [workshop.model("One"), workshop.model("Two")]
    router_id = workshop.router("support", *models)
    one, two = workshop.target(router_id, 0), workshop.target(router_id, 1)
    address = f"/app/routers/{router_id}/targets"
    admin.get("/app/routers")

    admin.post(f"{address}/{one}/move", {"to": "earlier"})
    admin.post(f"{address}/{two}/move", {"to": "later"})

    assert [row.id for row in workshop.stored(router_id).targets] == [one, two]
    assert admin.post(f"{address}/rtgt_gone/move", {"to": "later"}).status_code == 404
