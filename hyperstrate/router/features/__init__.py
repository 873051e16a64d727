"""The features, in the order in which they run; a router's interceptors run between the two."""

from __future__ import annotations

from typing import Any

from hyperstrate.router.features.fallback import Fallback
from hyperstrate.router.features.rate_limit import RateLimit
from hyperstrate.router.features.response_cache import ResponseCache
from hyperstrate.router.features.retry import Retry
from hyperstrate.router.stage import Stage

BEFORE_INTERCEPTORS: tuple[type[Stage[Any]], ...] = (RateLimit, ResponseCache)
AFTER_INTERCEPTORS: tuple[type[Stage[Any]], ...] = (Fallback, Retry)
FEATURES: tuple[type[Stage[Any]], ...] = (*BEFORE_INTERCEPTORS, *AFTER_INTERCEPTORS)
