"""What pages and the API share at their edge: rendering, errors, security headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from flask import (
    Flask,
    Response,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
)
from flask_smorest import Api as SmorestApi
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException

from hyperstrate.shared.errors import AppError, BadRequest
from hyperstrate.shared.guards import wants_page

log = structlog.get_logger(__name__)
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)


def page(template: str, *, block: str = "", status: int = 200, **context: Any) -> Response:
    """The whole page; under HTMX just its ``block``, when one is named."""
    is_partial = bool(block) and request.headers.get("HX-Request") == "true"
    html = (
        render_block(template, block, context)
        if is_partial
        else render_template(template, **context)
    )
    response = make_response(html, status)
    response.headers["Vary"] = "HX-Request"
    return response


def render_block(template: str, block: str, context: dict[str, Any]) -> str:
    """One named block of a template, alone."""
    current_app.update_template_context(context)
    found = current_app.jinja_env.get_template(template)
    return "".join(found.blocks[block](found.new_context(context)))


def go(location: str, message: str = "") -> Response:
    """Send the browser on, with a word about what was done."""
    if message:
        flash(message)
    response = make_response(redirect(location))
    if request.headers.get("HX-Request") == "true":
        response = make_response("", 204)
        response.headers["HX-Redirect"] = location
    return response


def error_body(error: AppError) -> dict[str, Any]:
    """An error in the API's envelope."""
    return {"error": error.message, **({"fields": error.fields} if error.fields else {})}


def _render_error(message: str, status: int, body: dict[str, Any]) -> Response:
    if wants_page():
        return page("error.html", status=status, message=message, code=status)
    response = jsonify(body)
    response.status_code = status
    return response


def _app_error(error: AppError) -> Response:
    response = _render_error(error.message, error.status, error_body(error))
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    return response


def _http_error(error: HTTPException) -> Response:
    messages = getattr(error, "data", {}).get("messages")
    if messages:
        return _app_error(BadRequest("validation failed", fields=_flat(messages)))
    if error.response is not None:
        return make_response(error.response)
    message = error.description or error.name
    return _render_error(message, error.code or 500, {"error": message})


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", path=request.path, exc_info=error)
    return _render_error("internal server error", 500, {"error": "internal server error"})


def _security_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


def _flat(messages: Mapping[str, Any]) -> dict[str, list[str]]:
    """marshmallow's messages by location, as field -> messages."""
    flat: dict[str, list[str]] = {}
    for by_field in messages.values():
        if not isinstance(by_field, Mapping):
            flat.setdefault("body", []).extend(map(str, by_field))
            continue
        for name, complaint in by_field.items():
            is_list = isinstance(complaint, list)
            flat.setdefault(str(name), []).extend(map(str, complaint if is_list else [complaint]))
    return flat


class ErrorSchema(Schema):
    """The API's error envelope."""

    error = fields.String(required=True, metadata={"description": "what is wrong, in one line"})
    fields_ = fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), data_key="fields"
    )


class Api(SmorestApi):  # type: ignore[misc]
    """flask-smorest with this project's error envelope; errors are rendered by :func:`init`."""

    ERROR_SCHEMA = ErrorSchema

    def _register_error_handlers(self) -> None:
        """The application's own handlers render every error."""


def init(app: Flask) -> None:
    """Register error pages and headers."""
    app.register_error_handler(AppError, _app_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    app.after_request(_security_headers)
