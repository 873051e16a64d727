"""Money is exact on every database."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from hyperstrate.observability.models import InferenceLog
from hyperstrate.shared.db import session
from tests.observability.conftest import Store
from tests.observability.installation import make_event


@pytest.mark.parametrize("cost", ["0", "0.0000000001", "12345678.1234567891", "-0.5"])
def test_money_comes_back_as_it_went(store: Store, cost: str) -> None:
    store(make_event(id="l1", cost_usd=Decimal(cost)))

    assert session.get_one(InferenceLog, "l1").cost_usd == Decimal(cost)


def test_sums_and_comparisons_of_money_are_exact(store: Store) -> None:
    store(*(make_event(cost_usd=Decimal("0.1")) for _ in range(10)))

    assert session.scalar(select(func.sum(InferenceLog.cost_usd))) == Decimal(1)
    dearer = select(func.count()).where(InferenceLog.cost_usd > Decimal("0.1"))
    assert session.scalar(dearer) == 0
