"""The inference paths as Flask routes: for signed-in browsers, and for the API document."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, request
from flask_smorest import Blueprint

from hyperstrate.router import document, paths
from hyperstrate.router.proxy import guessed_dialect
from hyperstrate.router.wires import WIRES
from hyperstrate.router.wsgi import InferenceFirst
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.guards import credential_of, inference_in_proxy
from hyperstrate.shared.ids import new_id

blueprint = Blueprint("inference", __name__, description="Calls to models")

_ROUTES = (
    ("POST", "/router/<id>/infer", "Infer"),
    ("POST", "/router/<id>/infer/stream", "Infer, streamed"),
    ("POST", "/router/<id>/v1/chat/completions", "OpenAI chat completions"),
    ("POST", "/router/<id>/v1/messages", "Anthropic messages"),
    ("POST", "/router/<id>/v1/embeddings", "OpenAI embeddings"),
    ("GET", "/router/<id>/v1/models", "The models of a router"),
    ("POST", "/proxy/router/<id>/<path:rest>", "Every call to a router, with and without v1/"),
    ("GET", "/proxy/router/<id>/<path:rest>", "The models of a router"),
    ("POST", "/ai/infer", "Call one model directly"),
    ("POST", "/ai/infer/stream", "Call one model directly, streamed"),
    ("POST", "/proxy/ai/<id>/<path:rest>", "SDK calls to one model directly"),
    ("GET", "/proxy/ai/<id>/<path:rest>", "The name of the model"),
    ("POST", "/v1/chat/completions", "OpenAI chat completions; key or model picks the router"),
    ("POST", "/v1/messages", "Anthropic messages; key or model picks the router"),
    ("POST", "/v1/embeddings", "OpenAI embeddings; key or model picks the router"),
    ("GET", "/v1/models", "The routers that the key opens"),
    *((method, "/v1/<path:rest>", "Not served") for method in ("GET", "POST")),
    *((method, "/router/<id>/v1/<path:rest>", "Not served") for method in ("GET", "POST")),
)


@inference_in_proxy
def infer(**_ids: Any) -> Response:
    """Answered in the dialect of the path; errors too."""
    path = paths.read(request.path)
    if path is None:
        return _not_served()
    skin: InferenceFirst = current_app.extensions["inference"]
    identity = current_app.extensions["identity"]
    caller = None if credential_of(request.headers) else identity.from_browser()
    reply = skin.answer(request.environ, path, caller)
    return Response(reply.stream or reply.body, reply.status, reply.headers)


def _not_served() -> Response:
    """A 404 in the dialect that the client seems to speak."""
    wire = WIRES[guessed_dialect(request.headers)]
    served = "chat/completions, messages, embeddings, models"
    error = NotFound(f"{request.path} is not served here; these are: {served}")
    reply = wire.error(error, new_id("ilog"))
    return Response(reply.body, reply.status, content_type="application/json")


for _method, _rule, _summary in _ROUTES:
    blueprint.add_url_rule(
        _rule,
        endpoint=f"{_method} {_rule}".replace("/", " ").replace(".", "_"),
        view_func=blueprint.doc(summary=_summary, **document.operation(_method, _rule))(infer),
        methods=[_method],
    )
