"""Pages and their blocks, forms, errors for people and for HTMX, headers, the navigation."""

from __future__ import annotations

import re

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hyperstrate.shared import navigation, web
from hyperstrate.shared.errors import TooManyRequests
from tests.shared.demo import RouterSchema, make_app

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture(scope="module")
def demo() -> Flask:
    return make_app()


@pytest.fixture
def client(demo: Flask) -> FlaskClient:
    return demo.test_client()


def post(client: FlaskClient, path: str, data: dict[str, str], **headers: str) -> TestResponse:
    page = client.get("/app/edit").get_data(as_text=True)
    found = re.search(r'name="csrf_token"\s+value="([^"]+)"', page)
    assert found
    return client.post(path, data=data | {"csrf_token": found[1]}, headers=headers)


def test_a_browser_gets_the_whole_page(client: FlaskClient) -> None:
    html = client.get("/app").get_data(as_text=True)

    assert html.startswith("<!DOCTYPE html>")
    assert "Analytical Engines" in html
    assert "ada@example.org" in html


def test_htmx_gets_just_the_block_with_the_kit_in_it(client: FlaskClient) -> None:
    answer = client.get("/app?page=2", headers=HTMX)

    html = answer.get_data(as_text=True).strip()
    assert html.startswith('<div id="list">')
    assert "support-chat" in html
    assert "Page 2 of 301" in html
    assert "HX-Request" in answer.headers["Vary"]


def test_going_back_gets_the_whole_page(client: FlaskClient) -> None:
    headers = HTMX | {"HX-Request-Type": "full", "HX-History-Restore-Request": "true"}

    html = client.get("/app?page=2", headers=headers).get_data(as_text=True)

    assert html.startswith("<!DOCTYPE html>")


def test_links_of_a_list_keep_the_rest_of_the_address(client: FlaskClient) -> None:
    html = client.get("/app?q=chat&sort=name&page=3").get_data(as_text=True)

    assert 'href="/app?q=chat&amp;sort=-name"' in html
    assert 'href="/app?q=chat&amp;sort=name&amp;page=4"' in html
    assert 'aria-sort="ascending"' in html


def test_a_redirect_becomes_an_instruction_for_htmx(client: FlaskClient) -> None:
    plain = client.get("/app/gone")
    under_htmx = client.get("/app/gone", headers=HTMX)

    assert (plain.status_code, plain.location) == (303, "/app?from=gone")
    assert (under_htmx.status_code, "Location" in under_htmx.headers) == (204, False)
    assert under_htmx.headers["HX-Redirect"] == "/app?from=gone"


def test_what_was_done_is_said_on_the_next_page_once(client: FlaskClient) -> None:
    client.get("/app/gone")

    first, second = (client.get("/app").get_data(as_text=True) for _ in range(2))

    assert "It is gone" in first
    assert "It is gone" not in second


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/app/nowhere", 404, "Nothing is here"),
        ("/app/refused", 403, "You may not do this"),
        ("/app/refused?fields", 400, "This could not be read"),
        ("/app/broken", 500, "Something broke on our side"),
    ],
)
def test_an_error_page_says_what_and_what_to_do(
    client: FlaskClient, path: str, status: int, title: str
) -> None:
    answer = client.get(path)

    html = answer.get_data(as_text=True)
    assert answer.status_code == status
    assert f"<h1>{title}</h1>" in html
    assert "Back to Home" in html


def test_a_fault_tells_nothing_of_its_inside(client: FlaskClient) -> None:
    assert "a fault of the demonstration" not in client.get("/app/broken").get_data(as_text=True)


def test_an_error_page_for_nobody_has_no_navigation(client: FlaskClient) -> None:
    html = client.get("/app/nowhere?anonymous").get_data(as_text=True)

    assert 'class="bare"' in html
    assert 'aria-label="Main"' not in html


def test_an_error_under_htmx_is_a_notice_above_the_page(client: FlaskClient) -> None:
    answer = client.get("/app/refused", headers=HTMX)

    html = answer.get_data(as_text=True)
    assert answer.status_code == 403
    assert answer.headers["HX-Retarget"] == "#flash"
    assert "<html" not in html
    assert "Ask an administrator" in html


def test_an_api_path_gets_the_error_as_json(client: FlaskClient) -> None:
    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert "error" in answer.get_json()


def test_whoever_waits_as_long_as_told_does_not_come_too_early() -> None:
    answer = web.with_wait(Response(), TooManyRequests("wait", retry_after_s=29.4))

    assert answer.headers["Retry-After"] == "30"


def test_a_form_without_its_token_is_refused(client: FlaskClient) -> None:
    answer = client.post("/app/edit", data={"name": "chat"})

    assert answer.status_code == 400
    assert "CSRF" in answer.get_data(as_text=True)


def test_a_right_form_is_taken(client: FlaskClient) -> None:
    answer = post(client, "/app/edit", {"name": "chat"})

    assert answer.status_code == 303


def test_a_wrong_form_keeps_what_was_typed_and_names_the_field(client: FlaskClient) -> None:
    answer = post(client, "/app/edit", {"name": "<x>", "email": "nobody", "weight": "0"}, **HTMX)

    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="&lt;x&gt;"' in html
    assert 'value="nobody"' in html
    assert "2 fields need another look" in " ".join(html.split())
    assert html.count('aria-invalid="true"') == 2
    assert 'id="field-email-errors"' in html


def test_what_no_field_shows_is_said_above_the_form(client: FlaskClient) -> None:
    html = post(client, "/app/edit", {"name": "taken"}).get_data(as_text=True)

    assert "that name is taken" in html


@pytest.mark.parametrize(
    ("form", "values", "wrong"),
    [
        ({"name": "chat"}, {"name": "chat", "isActive": False, "tags": []}, set()),
        (
            {"name": "chat", "isActive": "true", "tags": ["a", " ", "b"], "note": ""},
            {"name": "chat", "isActive": True, "tags": ["a", "b"], "note": ""},
            set(),
        ),
        ({"name": "chat", "email": "", "weight": ""}, {"name": "chat"}, set()),
        ({"name": " "}, {}, {"name"}),
        ({"name": "chat", "weight": "much"}, {"weight": "much"}, {"weight"}),
        ({"name": "chat", "tags": ["a", "too-long"]}, {"tags": ["a", "too-long"]}, {"tags"}),
    ],
)
def test_a_form_is_read_by_the_schema_of_the_api(
    demo: Flask, form: dict[str, str | list[str]], values: dict[str, object], wrong: set[str]
) -> None:
    with demo.test_request_context("/app/edit", method="POST", data=form):
        given, errors = web.submitted(RouterSchema)

    assert values.items() <= given.items()
    assert set(errors) == wrong


def test_a_wrong_item_of_a_list_is_counted_from_one(demo: Flask) -> None:
    form = {"name": "chat", "tags": ["a", "too-long"]}

    with demo.test_request_context("/app/edit", method="POST", data=form):
        _, errors = web.submitted(RouterSchema)

    assert errors["tags"] == ["item 2: Longer than maximum length 5."]


def test_pages_are_locked_down_and_not_kept(client: FlaskClient) -> None:
    headers = client.get("/app").headers

    policy = headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_an_asset_is_kept_only_under_its_hash(client: FlaskClient) -> None:
    html = client.get("/app").get_data(as_text=True)
    found = re.search(r"/static/app\.css\?v=[0-9a-f]{12}", html)
    assert found

    with client.get(found[0]) as hashed, client.get("/static/app.css") as bare:
        assert "immutable" in hashed.headers["Cache-Control"]
        assert "immutable" not in bare.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("path", "current"), [("/app", ["Home"]), ("/app/routers", ["Routers"]), ("/app/edit", [])]
)
def test_the_navigation_marks_where_one_is(demo: Flask, path: str, current: list[str]) -> None:
    with demo.test_request_context(path):
        links = navigation.navigation()

    assert [link.label for link in links if link.is_current] == current


def test_the_navigation_shows_only_what_exists(demo: Flask) -> None:
    navigation.add_nav("Elsewhere", "other_application.page", "house", 1)

    with demo.test_request_context("/app"):
        labels = [link.label for link in navigation.navigation()]

    assert labels == ["Home", "Routers"]


def test_swagger_ui_comes_from_here(client: FlaskClient) -> None:
    html = client.get("/swagger/index.html?anonymous").get_data(as_text=True)

    assert 'data-document="/swagger/doc.json"' in html
    assert "/static/vendor/swagger-ui-dist-" in html
