"""The web server: a worker class for gunicorn, made for many kept connections and slow streams."""

from __future__ import annotations

from hyperstrate.server.worker import Worker

__all__ = ["Worker"]
