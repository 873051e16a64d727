"""What is kept is counted by its sums, and says when its oldest goes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from hyperstrate.config import Config
from hyperstrate.observability import kept, retention
from hyperstrate.observability.kept import Kept
from hyperstrate.shared.db import now
from tests.observability.chains import keep, make_entry
from tests.observability.conftest import Store
from tests.observability.installation import ACME, GLOBEX, make_event

CONFIG = Config(log_retention_days=30, audit_retention_days=100)


@pytest.fixture
def some(store: Store) -> None:
    """Two requests of Acme, of which one is old, and one of Globex."""
    for org_id, days in ((ACME, 40), (ACME, 1), (GLOBEX, 1)):
        at = (now() - timedelta(days=days)).timestamp()
        store(make_event(org_id=org_id, at=at, response_text="x"))


def by_name(*found: Kept) -> dict[str, Kept]:
    return {each.name: each for each in found}


def test_an_organization_is_told_of_its_own(app: Flask, some: None) -> None:
    keep(make_entry(org_id=ACME), make_entry(org_id=ACME), make_entry(org_id=GLOBEX))

    found = by_name(*kept.of_organization(ACME, CONFIG))

    assert (found["logs"].count, found["logs"].days) == (2, 30)
    assert (found["audit"].count, found["audit"].variable) == (2, "AUDIT_RETENTION_DAYS")
    assert found["logs"].oldest is not None
    assert found["logs"].next_goes_at == found["logs"].oldest + timedelta(days=30)
    assert found["sums"].days == retention.SUMS_DAYS


def test_what_was_purged_is_not_counted(app: Flask, some: None) -> None:
    retention.purge(30)

    own = by_name(*kept.of_organization(ACME, CONFIG))
    whole = by_name(*kept.of_installation(CONFIG))

    assert own["logs"].count == 1
    assert whole["logs"].count == 2
    assert whole["payloads"].oldest is not None


def test_nothing_is_kept_at_first(app: Flask) -> None:
    found = by_name(*kept.of_installation(CONFIG))

    assert (found["logs"].count, found["audit"].count) == (0, 0)
    assert {each.next_goes_at for each in found.values()} == {None}
