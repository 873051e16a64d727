"""What was counted stands in Prometheus's text once per series."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from hyperstrate.observability import metrics
from hyperstrate.shared.chat import Usage
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.spool import Spool
from tests.observability.installation import make_event

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = """
import os, sys
from pathlib import Path
from hyperstrate.observability import metrics
from tests.observability.installation import make_event
metrics.count_inference(make_event(router_id="rtr_m"))
if not os.fork():
    metrics.count_inference(make_event(router_id="rtr_m"))
    os._exit(0)
os.wait()
sys.stdout.buffer.write(metrics.render(Path(sys.argv[1]), lambda: 0))
"""


def samples(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(text: bytes, name: str, **labels: str) -> float:
    return samples(text)[name, frozenset(labels.items())]


def test_requests_tokens_cost_and_latency_are_counted(tmp_path: Path) -> None:
    router, provider = new_id("rtr"), new_id("provider")
    usage = Usage(input_tokens=7, output_tokens=3)
    event = make_event(
        router_id=router, provider=provider, usage=usage, cost_usd=Decimal("0.5"), latency_ms=300
    )

    metrics.count_inference(event)
    metrics.count_inference(event)
    text = metrics.render(tmp_path, lambda: 4)

    assert value(text, "router_requests_total", router_id=router, status="success") == 2
    assert value(text, "router_tokens_total", router_id=router, direction="input") == 14
    assert value(text, "router_tokens_total", router_id=router, direction="output") == 6
    assert value(text, "router_cost_usd_total", router_id=router) == 1.0
    labels = {"provider": provider, "status": "success"}
    assert value(text, "request_latency_seconds_bucket", le="0.25", **labels) == 0
    assert value(text, "request_latency_seconds_bucket", le="0.5", **labels) == 2
    assert value(text, "store_degraded_total") == 4


def test_errors_and_cache_hits_are_counted_apart(tmp_path: Path) -> None:
    router = new_id("rtr")
    metrics.count_inference(make_event(router_id=router, status="error"))
    metrics.count_inference(make_event(router_id=router, cache_hit_type="exact"))

    text = metrics.render(tmp_path, lambda: 0)

    assert value(text, "router_requests_total", router_id=router, status="error") == 1
    assert value(text, "router_requests_total", router_id=router, status="cache_hit_exact") == 1


def test_the_backlog_is_shown(tmp_path: Path) -> None:
    Spool(tmp_path).append(b"1234")

    text = metrics.render(tmp_path, lambda: 0)

    assert value(text, "spool_backlog_bytes") == 5
    assert value(text, "spool_backlog_segments") == 1


def test_a_spool_that_cannot_be_read_hides_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    text = metrics.render(tmp_path / "file" / "spool", lambda: 3)

    assert value(text, "store_degraded_total") == 3
    assert b"spool_backlog" not in text


def test_each_family_is_described_once(tmp_path: Path) -> None:
    metrics.count_inference(make_event(router_id="a"))
    metrics.count_inference(make_event(router_id="b"))

    lines = metrics.render(tmp_path, lambda: 0).decode().splitlines()
    described = [line.split()[2] for line in lines if line.startswith("# TYPE")]

    assert len(described) == len(set(described))


def test_processes_that_share_a_folder_are_added_up(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHARED, str(tmp_path)],
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )

    assert value(done.stdout, "router_requests_total", router_id="rtr_m", status="success") == 2
