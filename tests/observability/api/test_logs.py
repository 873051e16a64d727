"""The finished requests over REST: admins of the organisation, nobody else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from hyperstrate.events import AttemptMade
from hyperstrate.observability.api import logs as view
from hyperstrate.shared.chat import Usage
from tests.observability.conftest import Store
from tests.observability.installation import make_event

ClientAs = Callable[[str | None], FlaskClient]
LOGS = "/analytics/inference-logs"
PATHS = [LOGS, f"{LOGS}/l1", f"{LOGS}/l1/payload", f"{LOGS}/export"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("name", "status"), [(None, 401), ("key", 401), ("member", 403)])
def test_only_admins_may_read(
    store: Store, client_as: ClientAs, path: str, name: str | None, status: int
) -> None:
    store(make_event(id="l1", response_text="secret"))

    assert client_as(name).get(path).status_code == status
    assert client_as("admin").get(path).status_code == 200


def test_a_stranger_finds_nothing(store: Store, client_as: ClientAs) -> None:
    store(make_event(id="l1", response_text="secret"))
    stranger = client_as("stranger")

    assert stranger.get(LOGS).get_json()["items"] == []
    assert stranger.get(f"{LOGS}/export").text.count("\n") == 1
    assert stranger.get(f"{LOGS}/l1").status_code == 404
    assert stranger.get(f"{LOGS}/l1/payload").status_code == 404
    assert stranger.patch(f"{LOGS}/l1/feedback", json={"feedback": 1}).status_code == 404


def test_a_log_has_the_original_fields_and_the_new_ones(store: Store, client_as: ClientAs) -> None:
    usage = Usage(10, 5, 4, 3, 2, 1)
    attempt = AttemptMade("att_1", "rtgt_1", "mdl_1", "success", usage, 9.5, Decimal("0.25"), "v1")
    store(
        make_event(
            id="l1",
            usage=usage,
            cost_usd=Decimal("0.25"),
            ttft_ms=20,
            steps=({"kind": "retry", "name": "Retry"},),
            attempts=(attempt,),
            dropped=("top_k",),
            cache_hit_type="exact",
        )
    )

    log = client_as("admin").get(f"{LOGS}/l1").get_json()

    assert (log["costUsd"], log["latencyMs"], log["ttftMs"]) == (0.25, 100, 20)
    assert (log["cachedInputTokens"], log["cacheWrite1hInputTokens"]) == (4, 2)
    assert (log["cacheHit"], log["cacheHitType"]) == (True, "exact")
    assert log["pipelineSteps"] == [{"kind": "retry", "name": "Retry"}]
    assert log["pipelineTrace"] == '[{"kind":"retry","name":"Retry"}]'
    assert (log["attempts"][0]["targetId"], log["attempts"][0]["costUsd"]) == ("rtgt_1", 0.25)
    assert log["attempts"][0]["usage"]["reasoningTokens"] == 1
    assert log["dropped"] == ["top_k"]
    assert log["router"] == {"id": "rtr_1", "name": "Support bot"}
    assert log["model"]["displayName"] == "Dummy"
    assert log["createdAt"] == "2026-09-21T14:13:20.250000+00:00"


def test_a_router_that_is_gone_keeps_its_name(store: Store, client_as: ClientAs) -> None:
    store(make_event(id="l1", router_id="rtr_gone", router_name="Old", model_id="mdl_gone"))

    log = client_as("admin").get(f"{LOGS}/l1").get_json()

    assert log["router"] == {"id": "rtr_gone", "name": "Old"}
    assert log["model"] is None


def test_pages_and_cursors_give_the_same_list(store: Store, client_as: ClientAs) -> None:
    store(*(make_event(id=f"l{number}", at=1000.0 + number) for number in range(5)))
    admin = client_as("admin")

    first = admin.get(f"{LOGS}?perPage=2").get_json()
    second = admin.get(f"{LOGS}?perPage=2&page=2").get_json()
    by_cursor = admin.get(f"{LOGS}?perPage=2&cursor={first['nextCursor']}").get_json()
    third = admin.get(f"{LOGS}?perPage=2&cursor={by_cursor['nextCursor']}").get_json()

    assert [log["id"] for log in first["items"]] == ["l4", "l3"]
    assert [log["id"] for log in second["items"]] == ["l2", "l1"]
    assert by_cursor["items"] == second["items"]
    assert ([log["id"] for log in third["items"]], third["nextCursor"]) == (["l0"], "")
    assert second["meta"] == {"total": 5, "count": 2, "perPage": 2, "pages": 3, "page": 2}


def test_the_total_stops_and_pages_beyond_it_ask_for_a_cursor(
    store: Store, client_as: ClientAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "COUNTED", 3)
    store(*(make_event() for _ in range(5)))
    admin = client_as("admin")

    first = admin.get(f"{LOGS}?perPage=1")
    beyond = admin.get(f"{LOGS}?perPage=1&page=9")

    assert first.get_json()["meta"]["total"] == 3
    assert beyond.status_code == 400
    assert "cursor" in beyond.get_json()["error"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("routerId=rtr_2", ["b"]),
        ("status=error&text=nope", ["b"]),
        ("cacheHit=true", ["a"]),
        ("minCostUsd=0.1&minLatencyMs=200", ["b"]),
        ("from=2026-04-02", ["b"]),
        ("to=2026-04-01", ["a"]),
        ("from=2026-04-01&to=2026-04-02&apiKeyId=akey_1", ["b", "a"]),
    ],
)
def test_filters_are_read_from_the_query(
    store: Store, client_as: ClientAs, query: str, found: list[str]
) -> None:
    day = 1_775_001_600.0  # 2026-04-01
    store(
        make_event(id="a", at=day, cache_hit_type="exact"),
        make_event(
            id="b",
            at=day + 86_400,
            router_id="rtr_2",
            status="error",
            error_message="Nope",
            cost_usd=Decimal("0.1"),
            latency_ms=200,
        ),
    )

    answer = client_as("admin").get(f"{LOGS}?{query}").get_json()

    assert [log["id"] for log in answer["items"]] == found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("from=01.04.2026", "invalid 'from' date, use YYYY-MM-DD"),
        ("to=2026-13-01", "invalid 'to' date, use YYYY-MM-DD"),
        ("to=9999-12-31", "invalid 'to' date, use YYYY-MM-DD"),
        ("cursor=nonsense", "invalid cursor"),
        (f"routerId={'r' * 101}", "validation failed"),
        ("minCostUsd=NaN", "validation failed"),
        ("minCostUsd=1e30", "validation failed"),
        ("text=%00", "validation failed"),
        ("from=0001-01-01", "invalid 'from' date, use YYYY-MM-DD"),
        ("minLatencyMs=99999999999999999999", "validation failed"),
    ],
)
def test_nonsense_in_the_query_is_a_400(client_as: ClientAs, query: str, message: str) -> None:
    answer = client_as("admin").get(f"{LOGS}?{query}")

    assert (answer.status_code, answer.get_json()["error"]) == (400, message)


def test_the_export_is_a_csv_of_the_filter(store: Store, client_as: ClientAs) -> None:
    store(
        make_event(id="a", status="error", error_message="=1+1"),
        make_event(id="b", router_id="rtr_2"),
    )

    answer = client_as("admin").get(f"{LOGS}/export?routerId=rtr_1")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.mimetype == "text/csv"
    assert "inference-logs.csv" in answer.headers["Content-Disposition"]
    assert [(row["id"], row["errorMessage"]) for row in rows] == [("a", "'=1+1")]


@pytest.mark.parametrize("feedback", [1, -1, 0])
def test_feedback_of_every_kind_is_taken(store: Store, client_as: ClientAs, feedback: int) -> None:
    store(make_event(id="l1"))
    admin = client_as("admin")

    answer = admin.patch(f"{LOGS}/l1/feedback", json={"feedback": feedback})

    assert answer.status_code == 204
    assert admin.get(f"{LOGS}/l1").get_json()["feedback"] == feedback


@pytest.mark.parametrize("body", [{}, {"feedback": 2}, {"feedback": "up"}, {"feedback": None}])
def test_other_feedback_is_a_400(
    store: Store, client_as: ClientAs, body: dict[str, object]
) -> None:
    store(make_event(id="l1"))

    answer = client_as("admin").patch(f"{LOGS}/l1/feedback", json=body)

    assert answer.status_code == 400
    assert "feedback" in answer.get_json()["fields"]


def test_a_payload_is_given_where_it_was_stored(store: Store, client_as: ClientAs) -> None:
    store(make_event(id="l1", request_body={"model": "m"}, response_text="hi"), make_event(id="l2"))
    admin = client_as("admin")

    payload = admin.get(f"{LOGS}/l1/payload").get_json()

    assert payload["requestFields"] == '{"model":"m"}'
    assert (payload["logId"], payload["responseContent"]) == ("l1", "hi")
    assert admin.get(f"{LOGS}/l2/payload").status_code == 404


@pytest.mark.parametrize("path", ["", "/payload"])
def test_an_unknown_id_is_404_and_a_long_one_400(client_as: ClientAs, path: str) -> None:
    admin = client_as("admin")

    assert admin.get(f"{LOGS}/unknown{path}").status_code == 404
    assert admin.get(f"{LOGS}/{'x' * 300}{path}").status_code == 400
    assert admin.get(f"{LOGS}/%00{path}").status_code == 400
