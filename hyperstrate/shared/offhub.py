"""Work that would stop every greenlet of the process, done on a native thread instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from gevent import get_hub, monkey

P = ParamSpec("P")
R = TypeVar("R")


def off_hub(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """``function(*args)``, while the other greenlets go on; called directly when unpatched."""
    if not monkey.is_module_patched("threading"):
        return function(*args, **kwargs)
    outcome: tuple[list[R], BaseException | None]
    outcome = get_hub().threadpool.apply(_outcome, (function, args, kwargs))
    results, error = outcome
    if error is not None:
        raise error
    return results[0]


def _outcome(
    function: Callable[..., R], args: tuple[object, ...], kwargs: dict[str, object]
) -> tuple[list[R], BaseException | None]:
    """What came of it. An error that left the thread would be printed by gevent's hub."""
    try:
        return [function(*args, **kwargs)], None
    except BaseException as error:
        return [], error
