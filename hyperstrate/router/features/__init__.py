"""The features by place, in the order in which they run; interceptors run after the answered."""

from __future__ import annotations

from typing import Any

from hyperstrate.router.features.fallback import Fallback
from hyperstrate.router.features.rate_limit import RateLimit
from hyperstrate.router.features.response_cache import ResponseCache
from hyperstrate.router.features.retry import Retry
from hyperstrate.router.stage import Stage

WHO_MAY_PASS: tuple[type[Stage[Any]], ...] = (RateLimit,)
ANSWERED_ALREADY: tuple[type[Stage[Any]], ...] = (ResponseCache,)
CHOOSE_AND_CALL: tuple[type[Stage[Any]], ...] = (Fallback, Retry)
BEFORE_INTERCEPTORS: tuple[type[Stage[Any]], ...] = (*WHO_MAY_PASS, *ANSWERED_ALREADY)
AFTER_INTERCEPTORS: tuple[type[Stage[Any]], ...] = CHOOSE_AND_CALL
FEATURES: tuple[type[Stage[Any]], ...] = (*BEFORE_INTERCEPTORS, *AFTER_INTERCEPTORS)
