"""Single sign-on in a real browser, with two providers that other people wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import idps
from tests.e2e.browser import launched, opened
from tests.e2e.gateway import EMAIL, PASSWORD, Admin, Gateway, running
from tests.e2e.idps import Idp

SECRET = "a secret of the tests, with + and %"
DANA = {"email": "dana@example.com", "email_verified": True, "name": "Dana"}


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Gateway]:
    """An installation of its own, set up by Ada."""
    with running(folder / "sso") as gateway:
        Admin(gateway).set_up()
        yield gateway


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def certified(site: Gateway, folder: Path) -> Iterator[Idp]:
    """panva's oidc-provider."""
    with idps.running("oidc-provider.mjs", site.url, folder / "oidc-provider") as idp:
        yield idp


@pytest.fixture(scope="module")
def mock(site: Gateway, folder: Path) -> Iterator[Idp]:
    """oauth2-mock-server."""
    with idps.running("oauth2-mock-server.mjs", site.url, folder / "oauth2-mock-server") as idp:
        yield idp


def test_a_certified_provider_from_its_form_to_the_sign_out(
    site: Gateway, certified: Idp, browser: Browser
) -> None:
    with opened(browser, f"{site.url}/app/login") as page:
        page.set_default_timeout(10_000)
        ada_signs_in(page)
        ada_adds(page, "Certified", certified, groups="openid email profile groups")
        ada_maps(page, "bosses", team="Default", role="Admin")
    certified.knows({"dana": {**DANA, "groups": ["bosses", "skiers"]}})

    with opened(browser, f"{site.url}/app/login", expects_errors=True) as page:
        page.set_default_timeout(10_000)
        page.route(re.compile("googleapis"), lambda route: route.abort())
        page.get_by_role("link", name="Sign in with Certified").click()
        page.get_by_placeholder("Enter any login").fill("dana")
        page.get_by_placeholder("and password").fill("anything")
        page.get_by_role("button", name="Sign-in").click()
        page.get_by_role("button", name="Continue").click()
        expect(page).to_have_url(f"{site.url}/app")
        assert me(page) == ("dana@example.com", "admin")

        sign_out(page)
        page.get_by_role("button", name="Yes, sign me out").click()
        expect(page).to_have_url(re.compile(f"{site.url}/app/login.*"))
        page.get_by_role("link", name="Sign in with Certified").click()
        expect(page.get_by_placeholder("Enter any login")).to_be_visible()

        certified.knows({"dana": {**DANA, "groups": ["skiers"]}})
        page.get_by_placeholder("Enter any login").fill("dana")
        page.get_by_placeholder("and password").fill("anything")
        page.get_by_role("button", name="Sign-in").click()
        page.get_by_role("button", name="Continue").click()
        expect(page).to_have_url(f"{site.url}/app/account")
        assert me(page) == ("dana@example.com", "member")


def test_another_provider_with_other_manners(site: Gateway, mock: Idp, browser: Browser) -> None:
    mock.knows({"erin-7": {**DANA, "email": "erin@example.com", "groups": ["testers"]}})
    with opened(browser, f"{site.url}/app/login") as page:
        page.set_default_timeout(10_000)
        ada_signs_in(page)
        ada_adds(page, "Mock", mock)
        ada_maps(page, "testers", team="Default", role="Viewer")

    with opened(browser, f"{site.url}/app/login", expects_errors=True) as page:
        page.set_default_timeout(10_000)
        page.get_by_role("link", name="Sign in with Mock").click()
        expect(page).to_have_url(f"{site.url}/app")
        assert me(page) == ("erin@example.com", "viewer")
        sign_out(page)
        expect(page).to_have_url(re.compile(f"{site.url}/app/login.*"))
        assert page.request.get(f"{site.url}/auth/me").status == 401


def test_an_unverified_e_mail_is_told_to_the_person(
    site: Gateway, mock: Idp, browser: Browser
) -> None:
    mock.knows({"frank": {**DANA, "email": EMAIL, "email_verified": False}})

    with opened(browser, f"{site.url}/app/login", expects_errors=True) as page:
        page.get_by_role("link", name="Sign in with Mock").click()
        expect(page.get_by_text("was not verified by the provider")).to_be_visible()
        page.get_by_role("link", name="Back to sign-in").click()
        expect(page.get_by_label("Password", exact=True)).to_be_visible()


def ada_signs_in(page: Page) -> None:
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def ada_adds(page: Page, name: str, idp: Idp, *, groups: str = "") -> None:
    """Fill in the form of a provider, and test it."""
    page.goto(page.url.split("/app")[0] + "/app/sso")
    page.get_by_role("link", name="Add provider").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Issuer").fill(idp.issuer)
    page.get_by_label("Client id").fill("hyperstrate")
    page.get_by_label("Client secret", exact=False).first.fill(SECRET)
    page.get_by_label("Scopes").fill(groups)
    page.get_by_role("button", name="Add provider").click()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("The provider answered")).to_be_visible()


def ada_maps(page: Page, group: str, *, team: str, role: str) -> None:
    page.goto(page.url.split("/app")[0] + "/app/sso")
    page.get_by_label("Group at the provider").fill(group)
    page.get_by_label("Team").select_option(label=team)
    page.get_by_label("Role").select_option(label=role)
    page.get_by_role("button", name="Map group").click()
    expect(page.get_by_role("cell", name=group, exact=True)).to_be_visible()


def me(page: Page) -> tuple[str, str]:
    """Who is signed in, and as what."""
    answer = page.request.get(page.url.split("/app")[0] + "/auth/me").json()
    return answer["email"], answer["role"]


def sign_out(page: Page) -> None:
    page.locator(".account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
