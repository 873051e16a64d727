"""Whether the database has the tables that this version needs; asked before the first request."""

from __future__ import annotations

from pathlib import Path

import structlog
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from hyperstrate.shared.db import db, session

VERSIONS = Path(__file__).resolve().parent.parent / "migrations" / "versions"
log = structlog.get_logger(__name__)


def problem(app: Flask) -> str:
    """What is wrong, in a line; empty if nothing. A database that is away is no reason to stop."""
    wanted = max(path.name.split("_")[0] for path in VERSIONS.glob("[0-9]*.py"))
    with app.app_context():
        try:
            found = _migrated_to()
        except SQLAlchemyError as error:
            log.warning("database_unreachable", error=str(error))
            return ""
    if found == wanted:
        return ""
    return f"the database is at migration {found or 'none'}, not {wanted}: run `flask db upgrade`"


def _migrated_to() -> str | None:
    if not inspect(db.engine).has_table("alembic_version"):
        return None
    found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
    return found
