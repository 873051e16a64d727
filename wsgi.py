"""The WSGI entry point: ``gunicorn wsgi:app``."""

from hyperstrate.app import create_app

app = create_app()
