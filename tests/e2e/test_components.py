"""The kit in a real browser: with axe, by the keyboard, under HTMX, and without scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Theme, launched, opened
from tests.shared.demo import make_app, served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(make_app()) as url:
        yield url


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize(
    ("path", "width", "theme"),
    [
        ("/app?sort=-cost", 1280, "light"),
        ("/app?sort=-cost", 1280, "dark"),
        ("/app?sort=-cost", 390, "light"),
        ("/app?sort=-cost", 390, "dark"),
        ("/app/nowhere?anonymous", 1280, "light"),
        ("/app/nowhere?anonymous", 1280, "dark"),
        ("/app/panel", 390, "dark"),
    ],
)
def test_axe_finds_nothing(
    browser: Browser, address: str, path: str, width: int, theme: Theme
) -> None:
    is_error = "nowhere" in path

    with opened(browser, address + path, theme=theme, width=width, expects_errors=is_error) as page:
        found = violations(page)

    assert found == []


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_window(browser: Browser, address: str, width: int) -> None:
    with opened(browser, f"{address}/app", width=width) as page:
        widest = page.evaluate("document.documentElement.scrollWidth")

    assert widest == width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_drawer_opens_in_place_and_gives_the_focus_back(
    browser: Browser, address: str, theme: Theme
) -> None:
    with opened(browser, f"{address}/app", theme=theme) as page:
        page.get_by_role("link", name="support-chat").click()
        drawer = page.locator("#drawer")
        expect(drawer).to_be_visible()
        expect(drawer).to_contain_text("Strategy")
        found = violations(page)
        page.keyboard.press("Escape")
        expect(drawer).not_to_be_visible()
        expect(page.get_by_role("link", name="support-chat")).to_be_focused()

    assert found == []


def test_a_fault_under_htmx_is_told_and_the_page_stays(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app/panel", expects_errors=True) as page:
        page.get_by_role("button", name="Break").click()

        expect(page.locator("#flash")).to_contain_text("Something broke on our side")
        expect(page.get_by_role("button", name="Break")).to_be_visible()


def test_htmx_follows_a_redirect_with_the_browser(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app/panel") as page:
        page.get_by_role("link", name="Leave").click()

        page.wait_for_url("**/app?from=gone")
        expect(page.locator("#flash")).to_contain_text("It is gone")


def test_sorting_swaps_the_list_and_goes_back(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app") as page:
        page.evaluate("document.body.dataset.kept = 'yes'")
        page.get_by_role("link", name="Cost").click()
        expect(page.locator("th[aria-sort]")).to_contain_text("Cost")
        assert page.url.endswith("/app?sort=cost")
        expect(page.locator("#routers-sort-cost")).to_be_focused()

        page.go_back()
        expect(page.locator("th[aria-sort]")).to_have_count(0)
        expect(page.locator(".uplot")).to_have_count(1)
        assert page.evaluate("document.body.dataset.kept") == "yes"


def test_searching_as_one_types_keeps_the_field(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app?sort=cost") as page:
        page.get_by_role("searchbox").press_sequentially("cha", delay=20)

        page.wait_for_url("**/app?sort=cost&q=cha")
        expect(page.get_by_role("searchbox")).to_be_focused()
        expect(page.get_by_role("searchbox")).to_have_value("cha")


def test_a_wrong_form_is_shown_again_with_the_field_in_focus(
    browser: Browser, address: str
) -> None:
    with opened(browser, f"{address}/app/edit", expects_errors=True) as page:
        page.get_by_label("Name").fill("x")
        page.get_by_label("Weight").fill("4")
        page.get_by_role("button", name="Save").click()

        expect(page.locator(".field-errors")).to_contain_text("Length must be between 2 and 40")
        expect(page.get_by_label("Name")).to_be_focused()
        expect(page.get_by_label("Weight")).to_have_value("4")
        assert violations(page) == []

        page.get_by_label("Name").fill("chat")
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/app")
        expect(page.locator("#flash")).to_contain_text("Saved")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_deleting_wants_the_name(browser: Browser, address: str, theme: Theme) -> None:
    with opened(browser, f"{address}/app", theme=theme) as page:
        page.get_by_text("Delete…").click()
        dialog = page.get_by_role("dialog")
        button = dialog.get_by_role("button", name="Delete")
        expect(button).to_be_disabled()
        found = violations(page)
        dialog.get_by_role("textbox").fill("support-cha")
        expect(button).to_be_disabled()
        dialog.get_by_role("textbox").fill("support-chat")
        expect(button).to_be_enabled()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

    assert found == []


def test_the_theme_is_kept(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app", theme="light") as page:
        assert page.locator("html").get_attribute("data-bs-theme") == "light"
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
        expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")


def test_arrow_keys_move_between_rows(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app") as page:
        page.get_by_role("link", name="support-chat").focus()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("link", name="batch-summaries")).to_be_focused()
        page.keyboard.press("ArrowUp")
        expect(page.get_by_role("link", name="support-chat")).to_be_focused()


def test_arrow_keys_move_the_open_drawer_along(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app") as page:
        page.get_by_role("link", name="support-chat").click()
        expect(page.get_by_role("dialog", name="support-chat")).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(page.locator("#drawer")).to_contain_text("batch-summaries")
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="batch-summaries")).to_be_focused()


def test_a_hidden_column_stays_hidden(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app") as page:
        page.get_by_text("Columns").click()
        page.get_by_label("Strategy").uncheck()
        expect(page.get_by_role("columnheader", name="Strategy")).to_have_count(0)
        page.get_by_role("link", name="Cost").click()
        expect(page.locator("th[aria-sort]")).to_be_visible()
        expect(page.get_by_role("columnheader", name="Strategy")).to_have_count(0)


def test_copying_takes_the_code_as_it_is(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("tab", name="Python, OpenAI").click()
        page.locator(".snippet-panel.is-shown [data-copy]").click()
        expect(page.locator(".snippet-panel.is-shown [data-copy]")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")

    assert copied.splitlines()[0] == "import os"
    assert 'model="support-chat"' in copied


def test_a_time_is_told_from_now(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app") as page:
        expect(page.locator("time").first).to_have_text("3 min. ago")


def test_everything_can_be_read_and_sent_without_scripts(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/app", scripts=False, width=390) as page:
        assert page.locator(".needs-js:visible").count() == 0
        assert page.locator(".snippet-panel:visible").count() == 3
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        page.get_by_text("Numbers").click()
        expect(page.locator(".chart-numbers table")).to_be_visible()
        page.get_by_text("Delete…").click()
        page.get_by_label("Type support-chat to confirm").fill("support-chat")
        page.get_by_role("button", name="Delete").last.click()
        page.wait_for_url("**/app?from=gone")


def test_the_api_document_is_shown(browser: Browser, address: str) -> None:
    with opened(browser, f"{address}/swagger/index.html") as page:
        expect(page.locator("#swagger-ui")).to_contain_text("The routers")
