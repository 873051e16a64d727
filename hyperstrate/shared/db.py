"""The database: engine, base class, column types, units of work, and the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, DateTime, MetaData, String, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from hyperstrate.shared.ids import new_id

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
JsonColumn = JSON().with_variant(JSONB(), "postgresql")
INSERTS: dict[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
#: The ``info`` of a column whose text, list or mapping ``crypto.encrypt`` sealed.
SEALED = {"secret": True, "sealed": True}


def now() -> datetime:
    """The time, aware, UTC. The only clock of the database's rows."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time; SQLite, which keeps no zone, gives it back as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


class Base(DeclarativeBase):
    """The base of every table."""

    __audit__: ClassVar[str] = ""  # what people call it, where writes to it are audited

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        dict[str, Any]: JsonColumn,
        list[str]: JsonColumn,
        list[int]: JsonColumn,
    }


def type_id(prefix: str) -> Mapped[str]:
    """A primary key column that fills itself with a new TypeID."""
    return mapped_column(String(50), primary_key=True, default=lambda: new_id(prefix))


class Timestamps:
    """``created_at`` and ``modified_at``, kept by the mapper."""

    created_at: Mapped[datetime] = mapped_column(default=now)
    modified_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


db = SQLAlchemy(
    metadata=Base.metadata,
    session_options={"expire_on_commit": False},
    engine_options={
        "hide_parameters": True,  # they would stand in the text of every error
        "pool_pre_ping": True,  # after a restart nobody gets a dead connection
    },
)
session = db.session


def insert(table: type[Base]) -> Any:
    """An INSERT of the database in use, with its ``on_conflict_do_...``."""
    return INSERTS[session.get_bind().dialect.name](table)


@contextmanager
def unit_of_work() -> Iterator[None]:
    """Commit what happens inside, or nothing of it; then run what waits in :func:`after_commit`."""
    try:
        yield
        for _, action in sorted(session.info.pop("before_commit", {}).items()):
            action()
        session.commit()
    except BaseException:
        session.rollback()
        for waiting in ("before_commit", "after_commit", "audit", "audit_changes"):
            session.info.pop(waiting, None)
        raise
    for action in session.info.pop("after_commit", []):
        action()


def before_commit(name: str, action: Callable[[], None]) -> None:
    """Run ``action`` at the end of the present unit of work; of one ``name``, the newest alone.

    They run in the order of their names: so units that lock the same rows lock them in the same
    order, late and briefly, and do not wait for each other in a circle.
    """
    session.info.setdefault("before_commit", {})[name] = action


def after_commit(action: Callable[[], None]) -> None:
    """Run ``action`` once the present unit of work is committed; never, when it fails."""
    session.info.setdefault("after_commit", []).append(action)


def prepare_sqlite(connection: Any, _record: object) -> None:
    """Foreign keys on, write-ahead log, wait up to 10 s for another process's write."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def configure(app: Any) -> None:
    """Bind the database to ``app``; call after SQLALCHEMY_DATABASE_URI is set."""
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", prepare_sqlite)
