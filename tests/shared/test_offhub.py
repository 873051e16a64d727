"""Blocking work goes to a native thread when gevent runs the process, and stays otherwise."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from hyperstrate.shared.offhub import off_hub

# A process of its own: patching cannot be undone.
PATCHED = """
from gevent import monkey
monkey.patch_all()
import gevent, time
from gevent.monkey import get_original
from hyperstrate.shared.offhub import off_hub

ticks = []
def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.01)

def fail():
    raise ValueError("as it came")

ticking = gevent.spawn(tick)
assert off_hub(lambda seconds: get_original("time", "sleep")(seconds) or "done", 0.5) == "done"
assert len(ticks) > 5, len(ticks)
try:
    off_hub(fail)
except ValueError as error:
    assert str(error) == "as it came"
    print("good")
"""


def test_runs_at_once_when_the_process_is_not_patched() -> None:
    assert off_hub(threading.get_ident) == threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        off_hub(divmod, 1, 0)


def test_other_greenlets_go_on_when_it_is_patched() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PATCHED], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stdout == "good\n", done.stderr
    assert done.stderr == ""
