"""What pages and the API share at their edge: rendering, forms, errors, security headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import structlog
from apispec import APISpec
from flask import (
    Flask,
    Response,
    current_app,
    flash,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
)
from flask_smorest import Api as SmorestApi
from flask_smorest import Blueprint
from htmx_flask import Htmx
from marshmallow import Schema, ValidationError, fields
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException

from hyperstrate.shared.errors import AppError, BadRequest
from hyperstrate.shared.formats import FILTERS
from hyperstrate.shared.guards import can_write, public, wants_page
from hyperstrate.shared.kit import Assets, Kit
from hyperstrate.shared.navigation import HOME, has_endpoint, navigation
from hyperstrate.shared.schemas import Text
from hyperstrate.shared.snippets import first_call

log = structlog.get_logger(__name__)
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def page(template: str, *, block: str = "", status: int = 200, **context: Any) -> Response:
    """The whole page; under HTMX just its ``block``, when one is named."""
    html = (
        render_block(template, block, context)
        if block and _wants_fragment()
        else render_template(template, **context)
    )
    response = make_response(html, status)
    response.headers["Vary"] = "HX-Request, HX-Request-Type"
    return response


def _wants_fragment() -> bool:
    """HTMX asks for a part. It says "full" when it takes a whole page apart, as on going back."""
    return is_htmx() and request.headers.get("HX-Request-Type") != "full"


def is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def render_block(template: str, block: str, context: dict[str, Any]) -> str:
    """One named block of a template, alone."""
    current_app.update_template_context(context)
    found = current_app.jinja_env.get_template(template)
    return "".join(found.blocks[block](found.new_context(context)))


def go(location: str, message: str = "") -> Response:
    """Send the browser on, with a word about what was done."""
    if message:
        flash(message)
    return make_response(redirect(location, 303))


def submitted(schema: Schema | type[Schema]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The posted form read by the schema of the API, and what is wrong with it by field.

    Without errors the values are as the schema loads them; with errors, as they were typed.
    """
    known = schema() if isinstance(schema, type) else schema
    typed = {
        field.data_key or name: value
        for name, field in known.load_fields.items()
        if (value := _typed(field.data_key or name, field)) is not None
    }
    try:
        return dict(known.load(typed)), {}
    except ValidationError as error:
        return typed, _flat({"form": error.messages})


def _typed(name: str, field: fields.Field[Any]) -> Any:
    """What a form says about a field; None where it says nothing."""
    if isinstance(field, fields.Boolean):
        return name in request.form
    if isinstance(field, fields.List):
        return [value for value in request.form.getlist(name) if value.strip()]
    value = request.form.get(name)
    is_text = type(field) in (fields.String, Text) and not field.required
    return value if is_text or (value and value.strip()) else None


def form_errors(error: AppError) -> dict[str, list[str]]:
    """What is wrong by field, for ``ui.form``; under "" what is wrong with the whole."""
    g.refused_because = error.message
    return error.fields or {"": [error.message]}


def error_body(error: AppError) -> dict[str, Any]:
    """An error in the API's envelope."""
    return {"error": error.message, **({"fields": error.fields} if error.fields else {})}


_PROBLEMS = {
    400: ("This could not be read", "Go back, reload the page and send it again."),
    401: ("You are not signed in", "Sign in and try again."),
    403: ("You may not do this", "Ask an administrator of your organisation."),
    404: ("Nothing is here", "The address may be mistyped, or what it named was deleted."),
    405: ("This address takes no such request", "Open it by a link of the page you came from."),
    409: ("That clashes with what exists", "Go back and choose another name or value."),
    413: ("That is too large", "Send less, or raise MAX_BODY_BYTES on the server."),
    429: ("Too many requests", "Wait a moment and try again."),
    503: ("Not available now", "Try again in a moment."),
}
_FAILURE = ("Something broke on our side", "Try again; the server's log says what happened.")


def _render_error(message: str, status: int, body: dict[str, Any]) -> Response:
    """A page or JSON. ``message`` is empty where the page's title says as much."""
    if not wants_page():
        response = jsonify(body)
        response.status_code = status
        return response
    title, fix = _PROBLEMS.get(status, _FAILURE)
    context = {"title": title, "message": message, "fix": fix, "code": status}
    response = page("error.html", block="notice", status=status, **context)
    if _wants_fragment():
        response.headers["HX-Retarget"] = "#flash"
        response.headers["HX-Reswap"] = "innerHTML"
        response.headers["HX-Push-Url"] = "false"
    return response


def _app_error(error: AppError) -> Response:
    return with_wait(_render_error(error.message, error.status, error_body(error)), error)


def with_wait(response: Response, error: AppError) -> Response:
    """Tell when to come again; whole seconds, and never one too few."""
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, ceil(error.retry_after_s)))
    return response


def _http_error(error: HTTPException) -> Response:
    messages = getattr(error, "data", {}).get("messages")
    if messages:
        return _app_error(BadRequest("validation failed", fields=_flat(messages)))
    if error.response is not None:
        return make_response(error.response)
    message = error.description or error.name
    own = "" if message == type(error).description else message
    return _render_error(own, error.code or 500, {"error": message})


def _too_deep(_error: RecursionError) -> Response:
    return _app_error(BadRequest("the request body is nested too deep"))


def _unstorable(_error: DataError) -> Response:
    return _app_error(BadRequest("a value has characters or a size that cannot be stored"))


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", path=request.path, exc_info=error)
    return _render_error("", 500, {"error": "internal server error"})


def _flat(messages: Mapping[str, Any]) -> dict[str, list[str]]:
    """marshmallow's messages by location, as field -> messages; ``a.b`` is b inside a."""
    flat: dict[str, list[str]] = {}
    for complaint in messages.values():
        for name, message in _walk("", complaint):
            flat.setdefault(name or "body", []).append(message)
    return flat


def _walk(name: str, complaint: Any) -> Iterator[tuple[str, str]]:
    if isinstance(complaint, list):
        yield from ((name, str(message)) for message in complaint)
    elif not isinstance(complaint, Mapping):
        yield name, str(complaint)
    else:
        for key, inner in complaint.items():
            if isinstance(key, int):
                yield from ((at, f"item {key + 1}: {said}") for at, said in _walk(name, inner))
            else:
                yield from _walk(f"{name}.{key}" if name else str(key), inner)


def _finish(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    is_document = response.mimetype == "text/html"
    if is_document:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Referrer-Policy", "same-origin")
    if request.endpoint == "static" and "v" in request.args:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    elif is_document or "caller" in g:
        response.headers.setdefault("Cache-Control", "no-store")
    return _followed_by_htmx(response)


def _followed_by_htmx(response: Response) -> Response:
    """The browser follows a redirect before HTMX sees it, and HTMX would swap that page in."""
    if response.location is None or not is_htmx():
        return response
    response.headers["HX-Redirect"] = response.location
    del response.headers["Location"]
    response.status_code = 204
    response.set_data(b"")
    return response


class ErrorSchema(Schema):
    """The API's error envelope."""

    error = fields.String(required=True, metadata={"description": "what is wrong, in one line"})
    fields_ = fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), data_key="fields"
    )


class Api(SmorestApi):  # type: ignore[misc]
    """flask-smorest with this project's error envelope; errors are rendered by :func:`init`.

    Its document is written when somebody asks for it: that takes as long as half of the rest.
    """

    ERROR_SCHEMA = ErrorSchema

    def __init__(self, app: Flask) -> None:
        self._waiting: list[Callable[[APISpec], None]] = []
        super().__init__(app)

    @property
    def spec(self) -> APISpec:
        """The document, with everything that was to be in it."""
        waiting, self._waiting = self._waiting, []
        for add in waiting:
            add(self._spec)
        return self._spec

    @spec.setter
    def spec(self, spec: APISpec) -> None:
        self._spec = spec

    def describe(self, add: Callable[[APISpec], None]) -> None:
        """Have ``add`` put its part into the document, in the order of the calls of this."""
        self._waiting.append(add)

    def register_blueprint(self, blueprint: Blueprint) -> None:
        """Its routes now, its part of the document later."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint)
        self.describe(partial(self._add, blueprint))

    def _add(self, blueprint: Blueprint, spec: APISpec) -> None:
        name = blueprint.name
        blueprint.register_views_in_doc(self, self._app, spec, name=name, parameters=None)
        spec.tag({"name": name, "description": blueprint.description})

    def _register_error_handlers(self) -> None:
        """The application's own handlers render every error."""


def url_with(**changes: Any) -> str:
    """This page's address with other query values; None takes one out."""
    values = {**request.args.to_dict(flat=False), **changes}
    query = urlencode({key: value for key, value in values.items() if value is not None}, True)
    return f"{request.script_root}{request.path}" + (f"?{query}" if query else "")


def query_args(*without: str) -> Iterator[tuple[str, list[str]]]:
    """The query of this page, for the hidden fields of a form that keeps it."""
    return ((key, values) for key, values in request.args.lists() if key not in without)


def _context() -> dict[str, Any]:
    """``me``: who is signed in, None on pages that ask nobody."""
    return {"me": g.get("caller")}


@public
def swagger() -> Response:
    """Swagger UI, served from here, on the API's own document."""
    return page("swagger.html")


def init(app: Flask) -> None:
    """Register the kit of templates, error pages and headers."""
    Htmx(app)
    assets = Assets(Path(app.static_folder or ""), app.static_url_path or "")
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update(
        ui=Kit(app.jinja_env, assets.icon),
        home=HOME,
        first_call=first_call,
        static_url=assets.url,
        navigation=navigation,
        has_endpoint=has_endpoint,
        can_write=can_write,
        url_with=url_with,
        query_args=query_args,
    )
    app.context_processor(_context)
    app.add_url_rule("/swagger/index.html", "swagger", swagger)
    app.register_error_handler(AppError, _app_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(RecursionError, _too_deep)
    app.register_error_handler(DataError, _unstorable)
    app.register_error_handler(Exception, _unexpected)
    app.after_request(_finish)
