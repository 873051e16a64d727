"""What Redis does for limits, each in one step: take, settle, and tell what was taken without it.

Redis keeps the time, so that hosts whose clocks differ share one window. A window is a hash: its
ring of 61 slots (fields 0 to 60), ``s`` their sum, ``a`` the newest slot. Every key expires.
"""

_WINDOW = """
local RING = 61
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000

-- Bring a window to the present; gives its newest slot and its sum.
local function forward(key, span)
  local slot = math.floor(now / span)
  local kept = redis.call('HMGET', key, 's', 'a')
  local used, at = tonumber(kept[1]) or 0, tonumber(kept[2])
  if at and slot <= at then
    return at, used
  end
  if not at or slot - at >= RING then
    redis.call('DEL', key)
    used = 0
  else
    local passed = {}
    for old = at + 1, slot do
      passed[#passed + 1] = old % RING
    end
    for _, sum in ipairs(redis.call('HMGET', key, unpack(passed))) do
      used = used - (tonumber(sum) or 0)
    end
    redis.call('HDEL', key, unpack(passed))
  end
  redis.call('HSET', key, 's', string.format('%d', used), 'a', string.format('%d', slot))
  redis.call('PEXPIRE', key, math.ceil(span * RING))
  return slot, used
end

local function add(key, span, slot, amount)
  amount = string.format('%d', amount)
  redis.call('HINCRBY', key, slot % RING, amount)
  redis.call('HINCRBY', key, 's', amount)
  redis.call('PEXPIRE', key, math.ceil(span * RING))
end
"""

# ARGV: the lease, how long it lasts in ms; then of each key: kind, most, span in ms, cost.
# Gives: 1 or 0, the time in ms, then of each key: left, ms until it is whole, ms to wait.
TAKE = (
    _WINDOW
    + """
local SLACK = 0.001

-- How long until so much more is free.
local function wait_for(key, span, slot, needed)
  local ring, freed = redis.call('HGETALL', key), 0
  local sums = {}
  for i = 1, #ring, 2 do
    sums[ring[i]] = tonumber(ring[i + 1])
  end
  for old = slot - RING + 1, slot do
    freed = freed + (sums[tostring(old % RING)] or 0)
    if freed >= needed then
      return (old + RING) * span - now
    end
  end
  return (slot + RING) * span - now
end

local look = {}

function look.rate(key, most, span)
  local room = most * span
  local full_at = math.min(tonumber(redis.call('GET', key)) or now, now + room)
  local until_full = math.max(full_at, now) + span - now
  local wait = until_full - room
  if wait > SLACK then
    return 0, until_full - span, wait
  end
  return math.floor((room - until_full) / span + SLACK), until_full, 0, until_full
end

function look.window(key, most, span, cost)
  local slot, used = forward(key, span)
  local left, reset = most - used - cost, (slot + RING) * span - now
  if left < 0 then
    return left + cost, reset, wait_for(key, span, slot, -left)
  end
  return left, reset, 0, slot
end

function look.slots(key, most)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  local left = most - redis.call('ZCARD', key) - 1
  return left, 0, left < 0 and 1000 or 0
end

local answer, marks, passes = {1, math.floor(now)}, {}, true
for i, key in ipairs(KEYS) do
  local at = 4 * i - 1
  local most, span, cost = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local left, reset, wait, mark = look[ARGV[at]](key, most, span, cost)
  passes = passes and wait == 0
  marks[i] = mark
  answer[3 * i] = math.max(0, left)
  answer[3 * i + 1] = math.ceil(reset)
  answer[3 * i + 2] = math.ceil(wait)
end
if not passes then
  answer[1] = 0
  return answer
end
for i, key in ipairs(KEYS) do
  local at = 4 * i - 1
  local kind, span = ARGV[at], tonumber(ARGV[at + 2])
  if kind == 'rate' then
    local kept = math.ceil(marks[i]) + 1000
    redis.call('SET', key, string.format('%.6f', now + marks[i]), 'PX', kept)
  elseif kind == 'window' then
    add(key, span, marks[i], ARGV[at + 3])
  else
    redis.call('ZADD', key, now + ARGV[2], ARGV[1])
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
return answer
"""
)

# ARGV: the lease, when it was taken in ms; then of each key: kind, span in ms, the correction.
SETTLE = (
    _WINDOW
    + """
for i, key in ipairs(KEYS) do
  local at = 3 * i
  if ARGV[at] == 'slots' then
    redis.call('ZREM', key, ARGV[1])
  else
    local span, by = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local slot = forward(key, span)
    local taken_at = math.floor(tonumber(ARGV[2]) / span)
    if by > 0 then
      add(key, span, slot, by)
    elseif by < 0 and slot - taken_at < RING then
      local counted = tonumber(redis.call('HGET', key, taken_at % RING)) or 0
      add(key, span, taken_at, -math.min(-by, counted))
    end
  end
end
"""
)

# KEYS: a window, what was told of it. ARGV: all that there is to tell, the span. Telling it twice
# is telling it once: of an answer that was lost nobody knows whether it was heard.
TELL = (
    _WINDOW
    + """
local span, amount = tonumber(ARGV[2]), tonumber(ARGV[1])
local more = amount - (tonumber(redis.call('GET', KEYS[2])) or 0)
if more > 0 then
  local slot = forward(KEYS[1], span)
  add(KEYS[1], span, slot, more)
  redis.call('SET', KEYS[2], ARGV[1], 'PX', math.ceil(span * RING))
end
"""
)

# KEYS: who is there, then slots. ARGV: this process, for how long in ms; then of each slots: the
# number of leases, the leases. Gives how many processes are there.
RENEW = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local until_ms, at = now + ARGV[2], 3
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], until_ms, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for i = 2, #KEYS do
  local leases = tonumber(ARGV[at])
  for lease = at + 1, at + leases do
    redis.call('ZADD', KEYS[i], until_ms, ARGV[lease])
  end
  redis.call('PEXPIRE', KEYS[i], ARGV[2])
  at = at + 1 + leases
end
return redis.call('ZCARD', KEYS[1])
"""
