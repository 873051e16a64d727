"""Money: US dollars with ten decimals, exact in the database, in sums and in counters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Numeric
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

UNITS_PER_USD = 10**10
SMALLEST_USD = Decimal("1e-10")
_UNITS = Decimal(UNITS_PER_USD)


def to_units(amount_usd: Decimal) -> int:
    """The amount in units of 1e-10 dollars, rounded half to even."""
    return int((amount_usd * _UNITS).to_integral_value())


def from_units(units: int) -> Decimal:
    """Dollars."""
    return Decimal(units) / _UNITS


class Usd(TypeDecorator[Decimal]):
    """A column of dollars. SQLite, which has no decimals, keeps integers.

    ``precision`` is that of PostgreSQL; a sum that must take any number of amounts needs more.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int = 18) -> None:
        super().__init__(precision, 10)
        self.precision = precision

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        is_sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(BigInteger() if is_sqlite else Numeric(self.precision, 10))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return to_units(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return from_units(value) if dialect.name == "sqlite" else Decimal(value)
