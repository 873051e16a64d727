"""The webhook's card: added with its secret, changed, tested, given a new secret, taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hyperstrate.observability import delivery
from hyperstrate.router import routers, webhooks
from hyperstrate.router.routers import Changes
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.db import unit_of_work
from tests import answers
from tests.people import Browser
from tests.router.pages.conftest import HTMX, BrowserAs, Workshop
from tests.upstreams import Provider

URL = "https://hooks.example.com/hyperstrate"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A server of this machine, which webhooks may have as their address."""
    inside = AddressRules(("127.0.0.1",))
    before = routers.ports()
    monkeypatch.setattr(delivery, "_rules", inside)
    routers.use(replace(before, rules=inside))
    with Provider() as started:
        started.always(answers.json({}))
        yield started
    routers.use(before)


@pytest.fixture
def with_webhook(workshop: Workshop) -> str:
    """The id of a router that has a webhook."""
    router_id = workshop.router()
    with unit_of_work():
        routers.update(workshop.org_id, router_id, Changes(webhook_url=URL))
    return router_id


def secrets_in(html: str) -> list[str]:
    return re.findall(r"whsec_[\w-]+", html)


def test_a_webhook_is_added_and_its_secret_is_shown_once(
    admin: Browser, workshop: Workshop
) -> None:
    path = f"/app/routers/{workshop.router()}"
    assert "Add webhook" in admin.get(f"{path}/settings").text

    added = admin.post(f"{path}/webhook", {"webhookUrl": URL}, headers=HTMX)
    later = admin.get(f"{path}/settings").text

    known = webhooks.webhook(workshop.org_id, path.rpartition("/")[2])
    assert known.url == URL
    assert set(secrets_in(added.text)) == {known.secret}
    assert added.text.strip().startswith('<div id="webhook">')
    assert secrets_in(later) == []
    assert f'value="{URL}"' in later
    assert "Nothing yet" in later


def test_another_address_keeps_the_secret(
    admin: Browser, workshop: Workshop, with_webhook: str
) -> None:
    before = webhooks.webhook(workshop.org_id, with_webhook)
    admin.get("/app/routers")

    moved = admin.post(f"/app/routers/{with_webhook}/webhook", {"webhookUrl": f"{URL}/2"})

    after = webhooks.webhook(workshop.org_id, with_webhook)
    assert moved.location == f"/app/routers/{with_webhook}/settings#webhook"
    assert (after.url, after.secret) == (f"{URL}/2", before.secret)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "this field is required"),
        ("ftp://hooks.example.com/", "http"),
        ("http://169.254.169.254/latest", "inside the network"),
        (f"https://hooks.example.com/{'x' * 2000}", "must be at most 2000 characters"),
    ],
)
def test_a_wrong_address_says_why_and_stays_as_it_was_typed(
    admin: Browser, workshop: Workshop, url: str, complaint: str
) -> None:
    router_id = workshop.router()
    admin.get("/app/routers")

    refused = admin.post(f"/app/routers/{router_id}/webhook", {"webhookUrl": url}, headers=HTMX)

    assert refused.status_code == 422
    assert complaint in refused.text
    assert f'value="{url}"' in refused.text
    assert workshop.stored(router_id).configuration.webhook_url == ""


def test_a_new_secret_is_shown_and_signs_from_then_on(
    admin: Browser, workshop: Workshop, with_webhook: str
) -> None:
    before = webhooks.webhook(workshop.org_id, with_webhook).secret
    admin.get("/app/routers")

    rotated = admin.post(f"/app/routers/{with_webhook}/webhook/rotate")

    after = webhooks.webhook(workshop.org_id, with_webhook).secret
    assert set(secrets_in(rotated.text)) == {after}
    assert after != before
    assert "<html" in rotated.text


def test_a_test_says_what_became_of_it_and_stands_in_the_list(
    admin: Browser, workshop: Workshop, receiver: Provider
) -> None:
    path = f"/app/routers/{workshop.router()}"
    admin.get("/app/routers")
    admin.post(f"{path}/webhook", {"webhookUrl": f"{receiver.url}/hook"})
    receiver.answers(answers.json({}), answers.json({}, 500), answers.json({}, 500))

    taken = admin.post(f"{path}/webhook/test", headers=HTMX).text
    refused = admin.post(f"{path}/webhook/test", headers=HTMX).text
    plain = admin.post(f"{path}/webhook/test")
    page = admin.get(plain.location).text

    assert "The test was taken" in taken
    assert "The test was not taken" in refused
    assert "Answered 500." in refused
    assert "The test was not taken: answered 500." in page
    assert page.count(">Test<") == 3
    assert len(receiver.requests) == 3


def test_a_webhook_is_taken_away(admin: Browser, workshop: Workshop, with_webhook: str) -> None:
    path = f"/app/routers/{with_webhook}/webhook"
    admin.get("/app/routers")

    removed = admin.post(f"{path}/remove")

    assert removed.status_code == 303
    assert workshop.stored(with_webhook).configuration.webhook_url == ""
    assert admin.post(f"{path}/rotate").status_code == 404
    assert admin.post(f"{path}/test").status_code == 404


def test_a_stranger_reaches_no_webhook(
    browser_as: BrowserAs, workshop: Workshop, with_webhook: str
) -> None:
    stranger = browser_as("stranger")
    stranger.get("/app/routers")
    path = f"/app/routers/{with_webhook}/webhook"

    for end in ("", "/rotate", "/test", "/remove"):
        assert stranger.post(f"{path}{end}", {"webhookUrl": URL}).status_code == 404
    assert workshop.stored(with_webhook).configuration.webhook_url == URL
