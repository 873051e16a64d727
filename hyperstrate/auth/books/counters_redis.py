"""The counters of all processes, in Redis; what a process has open it also remembers itself.

After Redis lost its memory there is a new *era*: whoever notices begins it, every process tells
again what it has open, and calls with a budget wait for ``ERA_S`` until all have. Without Redis
each process may use its share of what was left when it last heard from there, by its own memory
and the ledger's sums.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from hyperstrate.auth.books.counters import (
    Charge,
    Load,
    MemoryCounters,
    OpenCall,
    Refusal,
    Sums,
    Used,
)
from hyperstrate.shared.ids import new_id

if TYPE_CHECKING:
    from hyperstrate.shared.redis_line import Command
    from hyperstrate.shared.redis_link import RedisLink

log = structlog.get_logger(__name__)
ERA_S = 1.5
LEASE_S = 15
#: How long a settled call is told again after Redis lost it; the recorder has it long before.
REMEMBER_S = 60.0
IDLE_WINDOW_S = 40 * 24 * 3600
WRONG_ERA, UNKNOWN, REFUSED, ADMITTED, EARLY = -2, -1, 0, 1, -3

# KEYS: era, calls, the call, windows...   ARGV: era, call id, process, era's wait in ms,
# then for every window its amount and limit (-1: none). Replies {code, detail...}: when admitted,
# the era and what is used of every window now.
_RESERVE = """
local era = redis.call('GET', KEYS[1])
if era ~= ARGV[1] then return {-2, era or ''} end
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local early = tonumber(string.match(era, '%d+$')) + tonumber(ARGV[4]) - now_ms
if early > 0 then return {-3, early} end
local call, answer = {':by', ARGV[3]}, {1, era}
for i = 4, #KEYS do
  local known = redis.call('HMGET', KEYS[i], 'settled', 'open')
  if not known[1] then return {-1} end
  local amount, limit = tonumber(ARGV[2 * i - 3]), tonumber(ARGV[2 * i - 2])
  local used = tonumber(known[1]) + tonumber(known[2] or 0)
  if limit >= 0 and used + amount > limit then return {0, i - 4, string.format('%.0f', used)} end
  answer[i - 1] = string.format('%.0f', used + amount)
end
for i = 4, #KEYS do
  redis.call('HINCRBY', KEYS[i], 'open', ARGV[2 * i - 3])
  call[#call + 1], call[#call + 2] = KEYS[i], ARGV[2 * i - 3]
end
redis.call('HSET', KEYS[3], unpack(call))
redis.call('ZADD', KEYS[2], now_ms, ARGV[2])
return answer
"""
# KEYS and ARGV as above without wait and limits. ARGV[4]: 1 also opens a call that is not there.
# What did not change is not written.
_SETTLE = """
local era = redis.call('GET', KEYS[1])
if era ~= ARGV[1] then return {-2, era or ''} end
if ARGV[4] ~= '1' and redis.call('EXISTS', KEYS[3]) == 0 then return {1, era} end
local call, known = {':by', ARGV[3]}, redis.call('HMGET', KEYS[3], unpack(KEYS, 4))
for i = 4, #KEYS do
  local amount, before = ARGV[i + 1], known[i - 3]
  if amount ~= before then
    redis.call('HINCRBY', KEYS[i], 'open', amount)
    if before then redis.call('HINCRBY', KEYS[i], 'open', 0 - before) end
    call[#call + 1], call[#call + 2] = KEYS[i], amount
  end
end
redis.call('HSET', KEYS[3], unpack(call))
local now = redis.call('TIME')
redis.call('ZADD', KEYS[2], 'NX', now[1] * 1000 + math.floor(now[2] / 1000), ARGV[2])
return {1, era}
"""
# KEYS: windows   ARGV: batch number, seconds to keep, then the sum of each window.
_TAKE_OVER = """
for i = 1, #KEYS do
  local number = redis.call('HGET', KEYS[i], 'number')
  if not number or tonumber(ARGV[1]) >= tonumber(number) then
    redis.call('HSET', KEYS[i], 'settled', ARGV[i + 2], 'number', ARGV[1])
    redis.call('EXPIRE', KEYS[i], ARGV[2])
  end
end
"""
# KEYS: calls, then each call   ARGV: the id of each call
_CLOSE = """
for call = 2, #KEYS do
  local fields = redis.call('HGETALL', KEYS[call])
  for i = 1, #fields, 2 do
    if fields[i] ~= ':by' then redis.call('HINCRBY', fields[i], 'open', 0 - fields[i + 1]) end
  end
  redis.call('DEL', KEYS[call])
end
redis.call('ZREM', KEYS[1], unpack(ARGV))
"""
CLOSED_AT_ONCE = 100


class RedisCounters:
    """One truth for all processes; ``own``: what this one has open, and what it falls back to."""

    def __init__(self, link: RedisLink, own: MemoryCounters, load: Load) -> None:
        self._link = link
        self._redis: Any = link.redis
        self._line = link.line
        self._own = own
        self._load = load
        self._process = new_id("proc")
        self._era = ""
        self._perhaps_open: deque[str] = deque(maxlen=10_000)
        script = link.line.script
        self._reserve, self._settle = script(_RESERVE), script(_SETTLE)
        self._take_over, self._close = script(_TAKE_OVER), script(_CLOSE)

    def reserve(self, call_id: str, charges: Sequence[Charge]) -> Refusal | None:
        windows = [charge.window for charge in charges]
        keys = self._keys(call_id, windows)
        numbers: list[Any] = []
        for charge in charges:
            numbers += (charge.amount, -1 if charge.limit is None else max(0, charge.limit))
        while answer := self._link.do(
            "reserve",
            lambda: self._reserve(keys, [*self._head(call_id), int(ERA_S * 1000), *numbers]),
            lambda: None,
        ):
            code, *detail = answer
            if code == ADMITTED:
                used = [int(number) for number in detail[1:]]
                is_shared = self._is_known(answer[:2])
                self._own.open_here(call_id, charges, used, is_shared=is_shared)
                return None
            if code == REFUSED:
                refusal = Refusal(windows[int(detail[0])], int(detail[1]))
                self._own.hear(*refusal)
                return refusal
            self._clear_up(code, detail, windows)
        return self._reserve_here(call_id, charges)

    def _reserve_here(self, call_id: str, charges: Sequence[Charge]) -> Refusal | None:
        refusal = self._own.reserve(call_id, charges)
        if refusal is not None:  # Redis may have let it pass, and only its answer was lost
            self._perhaps_open.append(call_id)
        return refusal

    def settle(self, call_id: str, amounts: Mapping[str, int]) -> None:
        """Redis hears of it soon; until then it holds what was reserved."""
        self._own.settle(call_id, amounts)
        call = self._own.calls.get(call_id)
        if call is None:
            return

        def heard(answer: Any) -> None:
            call.is_shared = self._is_known(answer)

        self._link.tell(self._settling(call_id, call, is_new=not call.is_shared), heard)

    def used(self, windows: Collection[str]) -> dict[str, Used]:
        return self._link.do(
            "used", lambda: self._used_there(windows), lambda: self._own.used(windows)
        )

    def tend(self) -> None:
        """Stay known as alive, notice a new era, tell what Redis missed, forget what is over."""
        self._link.do("tend", self._tend, lambda: None)
        if self._link.is_degraded:
            self._own.tend()
        over = time.monotonic() - REMEMBER_S
        calls = list(self._own.calls.items())
        self._own.close(id_ for id_, call in calls if call.is_settled and call.touched < over)
        self._own.forget_idle()

    def _tend(self) -> None:
        alive = ("SET", self._key("alive", self._process), 1, "EX", LEASE_S)
        era = self._line.ask(alive, ("GET", self._key("era")))[1]
        self._join(era.decode() if era else "")
        self._tell()
        self._close_refused()

    def _close_refused(self) -> None:
        """What this process refused while Redis did not answer is not open there either."""
        call_ids = [*self._perhaps_open]
        self._close_there(call_ids)
        for _ in call_ids:
            self._perhaps_open.popleft()

    def _clear_up(self, code: int, detail: list[Any], windows: Collection[str]) -> None:
        if code == WRONG_ERA:
            self._link.do("join", lambda: self._join(detail[0].decode()), lambda: None)
        elif code == EARLY:
            time.sleep(min(int(detail[0]) / 1000, ERA_S))
        else:
            self.take_over(self._load(windows), ())

    def _join(self, era: str) -> None:
        """Take part in ``era``; begin one when Redis knows of none."""
        if not era:
            redis = self._redis
            seconds, microseconds = redis.time()
            mine = f"{new_id('era')}-{seconds * 1000 + microseconds // 1000}"
            redis.set(self._key("era"), mine, nx=True)
            era = redis.get(self._key("era")).decode()
        if era == self._era:
            return
        self._era = era
        for call in list(self._own.calls.values()):
            call.is_shared = False
        self._tell()

    def _tell(self) -> None:
        """Tell Redis what we have open that it does not know of."""
        calls = [(id_, call) for id_, call in list(self._own.calls.items()) if not call.is_shared]
        answers = self._line.ask(*[self._settling(*found, is_new=True) for found in calls])
        for (_, call), answer in zip(calls, answers, strict=True):
            call.is_shared = self._is_known(answer)

    def _is_known(self, answer: Any) -> bool:
        """Whether Redis knows of a call, and not only in an era that is over."""
        return bool(answer == [ADMITTED, self._era.encode()])

    def _settling(self, call_id: str, call: OpenCall, *, is_new: bool) -> Command:
        keys = self._keys(call_id, call.amounts)
        amounts = call.amounts.values()
        return self._settle.command(keys, [*self._head(call_id), int(is_new), *amounts])

    def _used_there(self, windows: Collection[str]) -> dict[str, Used]:
        found, missing = self._look(windows)
        if missing:
            self.take_over(self._load(missing), ())
            found |= self._look(missing)[0]
        return found

    def _look(self, windows: Collection[str]) -> tuple[dict[str, Used], list[str]]:
        asked = [("HMGET", self._key("window", name), "settled", "open") for name in windows]
        found, missing = {}, []
        for name, (settled, opened) in zip(windows, self._line.ask(*asked), strict=True):
            if settled is None:
                missing.append(name)
            else:
                found[name] = Used(int(settled), int(opened or 0))
        return found, missing

    def take_over(self, sums: Sums, recorded: Iterable[str]) -> None:
        """First the sums, then the calls in them. Without Redis, the sweep does it later."""
        self._link.do("take_over", lambda: self._take_over_there(sums, recorded), lambda: None)

    def _take_over_there(self, sums: Sums, recorded: Iterable[str]) -> None:
        if sums.by_window:
            keys = [self._key("window", name) for name in sums.by_window]
            self._take_over(keys, [sums.number, IDLE_WINDOW_S, *sums.by_window.values()])
        self._close_there(list(recorded))

    def _close_there(self, call_ids: list[str]) -> None:
        for start in range(0, len(call_ids), CLOSED_AT_ONCE):
            some = call_ids[start : start + CLOSED_AT_ONCE]
            keys = [self._key("call", call_id) for call_id in some]
            self._close([self._key("calls"), *keys], some)

    def stale(self, older_than_s: float) -> dict[str, bool]:
        """Calls that are open for so long: id -> whether their process lives."""
        return self._link.do("stale", lambda: self._stale_there(older_than_s), dict)

    def _stale_there(self, older_than_s: float) -> dict[str, bool]:
        redis = self._redis
        until = int((redis.time()[0] - older_than_s) * 1000)
        ids = [id_.decode() for id_ in redis.zrangebyscore(self._key("calls"), 0, until, 0, 1000)]
        lives: dict[str, bool] = {}
        found = {}
        for call_id in ids:
            process = (redis.hget(self._key("call", call_id), ":by") or b"").decode()
            if process not in lives:
                lives[process] = bool(redis.exists(self._key("alive", process)))
            found[call_id] = lives[process]
        return found

    def windows_of(self, call_id: str) -> dict[str, int]:
        """What an open call has in each window."""
        return self._link.do("windows_of", lambda: self._windows_there(call_id), dict)

    def _windows_there(self, call_id: str) -> dict[str, int]:
        prefix = self._key("window", "").encode()
        found = self._redis.hgetall(self._key("call", call_id))
        return {
            name.removeprefix(prefix).decode(): int(amount)
            for name, amount in found.items()
            if name.startswith(prefix)
        }

    def _head(self, call_id: str) -> tuple[str, str, str]:
        return self._era, call_id, self._process

    def _keys(self, call_id: str, windows: Iterable[str]) -> list[str]:
        heads = [self._key("era"), self._key("calls"), self._key("call", call_id)]
        return heads + [self._key("window", name) for name in windows]

    def _key(self, *parts: str) -> str:
        return f"{self._link.prefix}books:" + ":".join(parts)
