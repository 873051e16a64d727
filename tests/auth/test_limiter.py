"""All limits of a request in one step: which apply, what they say, what they cost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hyperstrate.auth import limits
from hyperstrate.auth.limiter import Hold, Limiter
from hyperstrate.auth.models import VirtualKey
from hyperstrate.router.models import Router
from hyperstrate.shared.cache import forget
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import TooManyRequests
from hyperstrate.shared.limit_store import MemoryLimits
from hyperstrate.shared.rates import Expected
from hyperstrate.shared.scopes import Scopes
from tests.people import People


@pytest.fixture
def limiter() -> Iterator[Limiter]:
    forget("limits")
    yield Limiter(MemoryLimits())
    forget("limits")


@pytest.fixture
def scopes(people: People) -> Scopes:
    return Scopes(people.alice.org_id, team=people.alice.team_id, api_key="akey_1")


def take(limiter: Limiter, scopes: Scopes, question: int = 10, answer: int = 10) -> Hold | None:
    return limiter.take(scopes, lambda: Expected(question, answer))


def set_team(people: People, **amounts: float) -> None:
    with unit_of_work():
        limits.set(people.alice.org_id, "team", people.alice.team_id, **amounts)  # type: ignore[arg-type]


def test_without_limits_nothing_is_counted_nor_estimated(limiter: Limiter, scopes: Scopes) -> None:
    def never() -> Expected:
        raise AssertionError

    assert limiter.take(scopes, never) is None


def test_the_refusal_names_the_tightest_limit_and_whose_it_is(
    limiter: Limiter, scopes: Scopes, people: People
) -> None:
    set_team(people, requests_per_second=1, requests_per_minute=1)
    take(limiter, scopes)

    with pytest.raises(TooManyRequests) as refused:
        take(limiter, scopes)

    message = "rate limit exceeded: this team may make 1 request per minute"
    assert refused.value.message == message
    assert refused.value.retry_after_s == pytest.approx(60, abs=1.1)
    assert refused.value.rates
    assert refused.value.rates.requests
    assert refused.value.rates.requests[:2] == (1, 0)


def test_a_refusal_names_nobody_complaint_9(
    limiter: Limiter, scopes: Scopes, people: People
) -> None:
    """What is refused is what was counted here: no counter runs ahead of the truth."""
    set_team(people, concurrent_requests=1)
    hold = take(limiter, scopes)

    with pytest.raises(TooManyRequests) as refused:
        take(limiter, scopes)
    assert hold
    hold.settle(0)

    assert people.alice.org_id not in refused.value.message
    assert people.alice.team_id not in refused.value.message
    assert take(limiter, scopes)


def test_limits_of_organization_and_team_apply_together(
    limiter: Limiter, scopes: Scopes, people: People
) -> None:
    with unit_of_work():
        limits.set(people.alice.org_id, "organization", people.alice.org_id, requests_per_minute=3)
    set_team(people, requests_per_minute=2)
    other_team = scopes._replace(team="team_other")

    take(limiter, scopes)
    hold = take(limiter, scopes)
    with pytest.raises(TooManyRequests, match="this team"):
        take(limiter, scopes)
    take(limiter, other_team)
    with pytest.raises(TooManyRequests, match="this organization"):
        take(limiter, other_team)

    assert hold
    assert hold.rates.requests
    assert (hold.rates.requests.limit, hold.rates.requests.left) == (2, 0)


def test_another_organization_is_counted_apart(
    limiter: Limiter, scopes: Scopes, people: People
) -> None:
    set_team(people, requests_per_minute=1)
    take(limiter, scopes)

    assert take(limiter, scopes._replace(organization=people.carol.org_id)) is None


def test_tokens_are_estimated_before_and_settled_after(
    limiter: Limiter, scopes: Scopes, people: People
) -> None:
    set_team(people, tokens_per_minute=1000)
    first = take(limiter, scopes, 100, 700)
    with pytest.raises(TooManyRequests, match="1,000 tokens per minute"):
        take(limiter, scopes, 201, 0)
    assert first
    assert first.rates.tokens
    assert first.rates.tokens.left == 200

    first.settle(150)
    second = take(limiter, scopes, 201, 0)

    assert second
    assert second.rates.tokens
    assert second.rates.tokens.left == 1000 - 150 - 201


def test_a_long_answer_that_may_come_makes_no_request_too_large(
    limiter: Limiter, scopes: Scopes, people: People
) -> None:
    set_team(people, tokens_per_minute=1000)

    assert take(limiter, scopes, 100, 50_000)


def test_a_question_larger_than_the_limit_is_refused_and_told_so(
    limiter: Limiter, scopes: Scopes, people: People
) -> None:
    set_team(people, tokens_per_minute=1000)

    with pytest.raises(TooManyRequests, match="the request has about 1,001 tokens"):
        take(limiter, scopes, 1001, 0)


def test_a_limit_that_changed_applies_at_once(
    limiter: Limiter, scopes: Scopes, people: People
) -> None:
    set_team(people, requests_per_minute=1)
    take(limiter, scopes)
    set_team(people, requests_per_minute=2)

    assert take(limiter, scopes)
    set_team(people)
    assert take(limiter, scopes) is None


def test_what_is_known_needs_no_database(
    limiter: Limiter, scopes: Scopes, people: People, statements: list[str]
) -> None:
    set_team(people, requests_per_second=1000, concurrent_requests=5)
    take(limiter, scopes)
    statements.clear()

    for _ in range(3):
        hold = take(limiter, scopes)
        assert hold
        hold.settle(5)

    assert statements == []


def test_the_rate_of_a_virtual_key_may_be_a_fraction(
    limiter: Limiter, scopes: Scopes, people: People
) -> None:
    with unit_of_work():
        router = Router(org_id=people.alice.org_id, name="Support")
        session.add(router)
        session.flush()
        key = VirtualKey(
            org_id=people.alice.org_id,
            router_id=router.id,
            name="V",
            key_hash="v",
            prefix="v",
            rate_limit_rps=0.1,
        )
        session.add(key)
    own = scopes._replace(api_key="", virtual_key=key.id)

    assert take(limiter, own)
    with pytest.raises(
        TooManyRequests, match=r"this virtual key may make 0\.1 requests"
    ) as refused:
        take(limiter, own)

    assert refused.value.retry_after_s == pytest.approx(10, abs=0.5)
