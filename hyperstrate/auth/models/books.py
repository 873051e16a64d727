"""Limits and budgets, and the ledger of what was spent."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hyperstrate.shared.db import Base, Timestamps, type_id
from hyperstrate.shared.money import Usd


class Limit(Base, Timestamps):
    """How much at a time. Zero means no limit.

    ``scope``: organization, team, router, api_key or virtual_key; ``scope_id`` is its id.
    """

    __tablename__ = "auth_limits"
    __audit__ = "limit"
    __table_args__ = (UniqueConstraint("scope", "scope_id"),)

    id: Mapped[str] = type_id("lim")
    org_id: Mapped[str] = mapped_column(
        ForeignKey("auth_organizations.id", ondelete="CASCADE"), index=True
    )
    scope: Mapped[str] = mapped_column(String(20))
    scope_id: Mapped[str] = mapped_column(String(50))
    requests_per_second: Mapped[float] = mapped_column(default=0.0)
    requests_per_minute: Mapped[int] = mapped_column(default=0)
    tokens_per_minute: Mapped[int] = mapped_column(default=0)
    concurrent_requests: Mapped[int] = mapped_column(default=0)


class Budget(Base, Timestamps):
    """How much in a window of time.

    ``unit``: usd, requests or tokens; amounts are whole numbers of those, of money in its units
    (:mod:`hyperstrate.shared.money`). ``period``: daily, weekly, monthly (on the calendar of
    ``time_zone``), rolling (the last ``rolling_hours``) or total. A hard budget refuses what does
    not fit; each tells when ``alert_percents`` of it are used. Until ``raised_until`` it is larger
    by ``raised_by``. ``is_cap``: it is the ceiling of a team or virtual key, and changes with that.
    ``router_id``: of a team's calls, only those of this router count that did not overflow.
    """

    __tablename__ = "auth_budgets"
    __audit__ = "budget"
    __table_args__ = (Index("ix_auth_budgets_scope", "org_id", "scope", "scope_id"),)

    id: Mapped[str] = type_id("bdgt")
    org_id: Mapped[str] = mapped_column(ForeignKey("auth_organizations.id", ondelete="CASCADE"))
    scope: Mapped[str] = mapped_column(String(20))
    scope_id: Mapped[str] = mapped_column(String(50))
    router_id: Mapped[str] = mapped_column(String(50), default="")
    name: Mapped[str] = mapped_column(String(255), default="")
    unit: Mapped[str] = mapped_column(String(20))
    amount: Mapped[int] = mapped_column(BigInteger)
    period: Mapped[str] = mapped_column(String(20))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    rolling_hours: Mapped[int] = mapped_column(default=0)
    is_hard: Mapped[bool] = mapped_column(default=True)
    is_cap: Mapped[bool] = mapped_column(default=False)
    alert_percents: Mapped[list[int]] = mapped_column(default=list)
    raised_by: Mapped[int] = mapped_column(BigInteger, default=0)
    raised_until: Mapped[datetime | None]
    is_enabled: Mapped[bool] = mapped_column(default=True)
    created_by: Mapped[str] = mapped_column(String(50), default="")


class LedgerEntry(Base):
    """What one call to a provider cost: the truth of the books, written once, never changed.

    ``id`` is the attempt's. ``requests`` is one for the call that a request began with, else zero.
    ``kind``: answer, failed, cancelled, or void for a call that a crash cut off. ``at``: when the
    call began. ``is_overflow``: a budget had no room for the call that was meant. No foreign keys:
    what was spent stays when a key, team or router goes.
    """

    __tablename__ = "auth_ledger"
    __table_args__ = (Index("ix_auth_ledger_org_at", "org_id", "at"),)

    id: Mapped[str] = mapped_column(String(50), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(50), index=True)
    at: Mapped[datetime]
    org_id: Mapped[str] = mapped_column(String(50))
    team_id: Mapped[str] = mapped_column(String(50), default="")
    router_id: Mapped[str] = mapped_column(String(50), default="")
    api_key_id: Mapped[str] = mapped_column(String(50), default="")
    virtual_key_id: Mapped[str] = mapped_column(String(50), default="")
    user_id: Mapped[str] = mapped_column(String(50), default="")
    model_id: Mapped[str] = mapped_column(String(50), default="")
    provider: Mapped[str] = mapped_column(String(50), default="")
    kind: Mapped[str] = mapped_column(String(20))
    is_overflow: Mapped[bool] = mapped_column(default=False)
    requests: Mapped[int] = mapped_column(default=0)
    tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cost_usd: Mapped[Decimal] = mapped_column(Usd, default=Decimal(0))
    reserved_usd: Mapped[Decimal] = mapped_column(Usd, default=Decimal(0))
    price_version: Mapped[str] = mapped_column(String(50), default="")
    is_estimated: Mapped[bool] = mapped_column(default=False)


class BudgetUsage(Base):
    """The ledger summed for one window of one budget, in the transaction that wrote the entries.

    ``window_start`` is Unix seconds; a rolling budget has one row per hour. ``used`` is in
    units of money (:mod:`hyperstrate.shared.money`), or requests, or tokens.
    """

    __tablename__ = "auth_budget_usage"

    budget_id: Mapped[str] = mapped_column(
        ForeignKey("auth_budgets.id", ondelete="CASCADE"), primary_key=True
    )
    window_start: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    used: Mapped[int] = mapped_column(BigInteger, default=0)


class LedgerSequence(Base):
    """One row: the number of the last batch of the ledger. Batches commit in this order."""

    __tablename__ = "auth_ledger_sequence"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    number: Mapped[int] = mapped_column(BigInteger, default=0)
