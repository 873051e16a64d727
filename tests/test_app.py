"""The application starts, on both databases."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import text

from hyperstrate.shared.db import session


def test_the_database_answers(app: Flask) -> None:
    answer = session.execute(text("SELECT 1")).scalar()

    assert answer == 1


def test_an_unknown_path_is_a_json_404(app: Flask) -> None:
    answer = app.test_client().get("/nowhere")

    assert answer.status_code == 404
    assert "error" in answer.get_json()
