"""Feedback is set, changed and taken back."""

from __future__ import annotations

import pytest

from hyperstrate.observability import feedback, queries
from hyperstrate.observability.feedback import Feedback
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import NotFound
from tests.observability.conftest import Store
from tests.observability.installation import ACME, GLOBEX, make_event


@pytest.mark.parametrize("given", [-1, 0, 1])
def test_feedback_is_kept(store: Store, given: Feedback) -> None:
    store(make_event(id="l1"), make_event(id="l2"))
    feedback.give(ACME, "l1", 1)

    feedback.give(ACME, "l1", given)
    session.expire_all()

    assert queries.log(ACME, "l1").feedback == given
    assert queries.log(ACME, "l2").feedback == 0


@pytest.mark.parametrize(("org_id", "log_id"), [(ACME, "l2"), (GLOBEX, "l1")])
def test_feedback_on_an_unknown_log_is_refused(store: Store, org_id: str, log_id: str) -> None:
    store(make_event(id="l1"))

    with pytest.raises(NotFound):
        feedback.give(org_id, log_id, 1)
