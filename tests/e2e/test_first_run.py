"""The first run, as a person lives it: from the printed link to the first answer in the log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI
from playwright.sync_api import Page, expect

from tests.e2e.browser import launched, opened
from tests.e2e.gateway import EMAIL, PASSWORD, SETUP_TOKEN, Gateway, running


@pytest.fixture(scope="module")
def fresh(folder: Path) -> Iterator[Gateway]:
    """An installation that nobody has set up."""
    with running(folder / "first-run") as gateway:
        yield gateway


def test_the_first_run_from_the_link_to_the_log(fresh: Gateway) -> None:
    link = f"{fresh.url}/app/setup?token={SETUP_TOKEN}"
    with launched() as browser, opened(browser, link) as page:
        page.set_default_timeout(10_000)
        set_up(page)
        register_the_dummy(page)
        make_a_router(page)
        key = make_a_key(page)
        call(fresh, key)
        see_it_in_the_log(page)
        sign_out_and_in(page)


def set_up(page: Page) -> None:
    page.get_by_label("Organization").fill("Acme")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="Welcome to Hyperstrate")).to_be_visible()


def register_the_dummy(page: Page) -> None:
    page.get_by_role("link", name="Take the dummy").click()
    page.get_by_role("button", name="Register").click()
    page.get_by_role("button", name="Test").first.click()
    expect(page.get_by_text(re.compile(r"works|answered|OK", re.IGNORECASE)).first).to_be_visible()


def make_a_router(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Home").first.click()
    page.get_by_role("link", name="Go to the routers").click()
    page.get_by_role("link", name="New router").first.click()
    page.get_by_label("Name").fill("demo")
    page.get_by_role("button", name="Make router").click()
    page.get_by_role("link", name="Add a target").click()
    page.get_by_label("Model").select_option(index=1)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("DUMMY").or_(page.get_by_text("Dummy")).first).to_be_visible()
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("Active", exact=True).first).to_be_visible()


def make_a_key(page: Page) -> str:
    page.get_by_role("navigation").get_by_role("link", name="Home").first.click()
    page.get_by_role("link", name="Go to the keys").click()
    page.get_by_label("Name").fill("first key")
    page.get_by_role("button", name="Create key").click()
    secret = page.get_by_text(re.compile(r"^hs_\w+$")).first
    expect(secret).to_be_visible()
    return secret.inner_text()


def call(gateway: Gateway, key: str) -> None:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client:
        answer = client.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "My first question"}]
        )
    assert "My first question" in (answer.choices[0].message.content or "")


def see_it_in_the_log(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Logs").first.click()
    row = page.get_by_role("row").filter(has_text="first key")
    for _ in range(50):
        if row.count():
            break
        page.wait_for_timeout(100)
        page.reload()
    row.get_by_role("link").first.click()
    expect(page.get_by_text("Model Inference").first).to_be_visible()


def sign_out_and_in(page: Page) -> None:
    page.goto(page.url.split("/app")[0] + "/app")
    page.get_by_text(EMAIL).first.click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
