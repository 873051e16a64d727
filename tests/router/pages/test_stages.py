"""Features and interceptors: added, edited, switched, moved and removed from their forms."""

from __future__ import annotations

from hyperstrate.router import parts
from hyperstrate.shared.db import unit_of_work
from tests.people import Browser
from tests.router.pages.conftest import HTMX, Workshop


def _interceptor(workshop: Workshop, router_id: str, pattern: str) -> str:
    with unit_of_work():
        config = {"blocked_patterns": [pattern]}
        return parts.add_interceptor(workshop.org_id, router_id, "content_filter", config).id


def _patterns(workshop: Workshop, router_id: str) -> list[str]:
    rows = workshop.stored(router_id).interceptors
    return [row.config["blocked_patterns"][0] for row in rows]


def test_a_feature_is_added_and_edited(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router()
    form = admin.get(f"/app/routers/{router_id}/features/new/rate_limit")
    assert "Requests per second" in form.text

    added = admin.post(
        f"/app/routers/{router_id}/features/new/rate_limit", {"rps": "5", "burst": "0"}
    )
    assert added.location == f"/app/routers/{router_id}"
    (row,) = workshop.stored(router_id).features
    assert row.config["rps"] == 5

    address = f"/app/routers/{router_id}/features/{row.id}"
    assert 'value="5"' in admin.get(address).text
    admin.post(address, {"rps": "7.5", "burst": "9"})
    (row,) = workshop.stored(router_id).features
    assert (row.config["rps"], row.config["burst"]) == (7.5, 9)


def test_the_panel_is_the_block_alone_for_htmx(admin: Browser, workshop: Workshop) -> None:
    address = f"/app/routers/{workshop.router()}/features/new/retry"

    panel = admin.get(address, headers=HTMX)
    refused = admin.post(address, {"max_retries": "99"}, headers=HTMX)

    assert "<html" not in panel.text
    assert "offcanvas-header" in panel.text
    assert refused.status_code == 422
    assert "offcanvas-header" not in refused.text
    assert 'id="panel-form"' in refused.text


def test_a_wrong_setting_is_named_and_what_was_typed_stays(
    admin: Browser, workshop: Workshop
) -> None:
    router_id = workshop.router()
    admin.get("/app/routers")

    data = {"max_retries": "99", "initial_delay_ms": "soon", "backoff_multiplier": "3"}
    refused = admin.post(f"/app/routers/{router_id}/features/new/retry", data)

    assert refused.status_code == 422
    assert "must be at most 10" in refused.text
    assert "must be a whole number" in refused.text
    assert 'value="99"' in refused.text
    assert 'value="3"' in refused.text
    assert not workshop.stored(router_id).features


def test_a_wrong_interceptor_names_the_pattern(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router()
    admin.get("/app/routers")

    data = {"blocked_patterns": "fine\n(broken", "apply_to": "both"}
    refused = admin.post(f"/app/routers/{router_id}/interceptors/new/content_filter", data)

    assert refused.status_code == 422
    assert "item 2 is not a regular expression" in refused.text
    assert "(broken" in refused.text


def test_a_stage_is_switched_off_and_keeps_its_settings(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router()
    with unit_of_work():
        row_id = parts.add_feature(workshop.org_id, router_id, "retry", {"max_retries": 2}).id
    admin.get("/app/routers")

    swapped = admin.post(f"/app/routers/{router_id}/features/{row_id}/switch", headers=HTMX)

    (row,) = workshop.stored(router_id).features
    assert (row.is_enabled, row.config["max_retries"]) == (False, 2)
    assert "<html" not in swapped.text
    assert "Turn on" in swapped.text
    assert admin.post(f"/app/routers/{router_id}/features/{row_id}/switch").status_code == 303


def test_a_stage_is_removed(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router()
    row_id = _interceptor(workshop, router_id, "one")
    address = f"/app/routers/{router_id}/interceptors/{row_id}"
    assert "Its settings are lost" in admin.get(address).text

    removed = admin.post(f"{address}/remove")

    assert removed.status_code == 303
    assert not workshop.stored(router_id).interceptors


def test_interceptors_change_places(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router()
    first, second, third = (
        _interceptor(workshop, router_id, pattern) for pattern in ("one", "two", "three")
    )
    address = f"/app/routers/{router_id}/interceptors"
    admin.get("/app/routers")

    swapped = admin.post(f"{address}/{third}/move", {"to": "earlier"}, headers=HTMX)
    assert _patterns(workshop, router_id) == ["one", "three", "two"]
    places = [swapped.text.index(f"switch-{id}") for id in (first, third, second)]
    assert places == sorted(places)

    admin.post(f"{address}/{first}/move", {"to": "later"})
    assert _patterns(workshop, router_id) == ["three", "one", "two"]
    admin.post(f"{address}/{third}/move", {"to": "earlier"})
    assert _patterns(workshop, router_id) == ["three", "one", "two"]


def test_a_stage_that_nobody_knows_has_no_page(admin: Browser, workshop: Workshop) -> None:
    router_id = workshop.router()
    admin.get("/app/routers")

    for path in ("features/new/telepathy", "hooks/new/content_filter", "features/1", "hooks/1"):
        assert admin.get(f"/app/routers/{router_id}/{path}").status_code == 404
    assert admin.post(f"/app/routers/{router_id}/features/new/telepathy").status_code == 404
