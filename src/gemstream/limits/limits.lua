-- The books of one scope: the arithmetic of gemstream/policy/limit, kept in Redis.
--
-- One call does a batch of operations in order, all at one moment of the server's clock. Above this
-- text stands a function time() that gives that moment in microseconds since 1970.
--
-- KEYS: the scope's clock, the processes that use the scope, then the keys of each limit. ARGV[1],
-- as MessagePack:
--   { lease, replica, midnights, limits, operations }
--   lease: for how long what runs is believed to run unless renewed. midnights: those of US/Pacific
--   around now, four of them, or none where nothing is counted by day.
--   limits: { kind, first key, period } each. operations: { what, name, claims } each, where claims
--   are flat triples: index of the limit, its amount, the cost.
-- Returns MessagePack: { 0, wall } when the midnights do not fit the server's clock, and nothing
-- was done; else { 1, wall, answers of the operations that have one, in order }.
--
-- Every limit has a sorted set of the names that run, scored by the end of their lease. What a
-- limit counts stays exact when a process is killed: of a window, what was in flight counts as if
-- its answer had begun when the lease ran out; a slot is free then.

local LONG_AGO = '-inf'
local MANY = 1000 -- entries read at a time, well below what unpack can hold
local SECOND = 1000000
local DAY = 86400 * SECOND
local SEEN = 60 * SECOND -- a process that was not heard of for so long is gone
local STEP = 3600 * SECOND -- a clock set back by this much finds a day's count still there

local lease, replica, midnights, limits, operations = unpack(cmsgpack.unpack(ARGV[1]))

-- The server's clock may be set back. Time as windows, leases and rates see it never is: it goes on
-- from where it was.
local wall = time()
local last, shift, keep = string.match(redis.call('GET', KEYS[1]) or '0 0 0', '(%S+) (%S+) (%S+)')
last, shift, keep = tonumber(last), tonumber(shift), tonumber(keep)
local now = wall + shift
if now < last then
  now, shift = last, shift + last - now
end

if #midnights > 0 and (wall < midnights[1] or wall >= midnights[#midnights]) then
  return cmsgpack.pack({ 0, wall })
end

local function keep_for(key, microseconds)
  redis.call('PEXPIRE', key, math.ceil(microseconds / 1000) + 1000)
  keep = math.max(keep, now + microseconds)
end

-- Return the names whose lease is over, with its end: name, end, name, end, and forget them here.
local function lapsed(key)
  local names = redis.call('ZRANGEBYSCORE', key, LONG_AGO, now, 'WITHSCORES')
  if #names > 0 then
    redis.call('ZREMRANGEBYSCORE', key, LONG_AGO, now)
  end
  return names
end

local function run(key, name)
  return redis.call('ZADD', key, now + lease, name)
end

local function runs(key, name)
  return redis.call('ZSCORE', key, name) ~= false
end

local function nothing() end

-- window_log.py. Keys: costs by name, and their total; what is in flight; stamps.

local window = {}

function window.open(it)
  it.flying, it.stamps = KEYS[it.index + 1], KEYS[it.index + 2]
  it.total = tonumber(redis.call('HGET', it.key, 'total') or 0)
  local names = lapsed(it.flying)
  for i = 1, #names, 2 do
    redis.call('ZADD', it.stamps, names[i + 1], names[i])
    it.changed = true
  end
  repeat
    local old = redis.call('ZRANGEBYSCORE', it.stamps, LONG_AGO, now - it.period, 'LIMIT', 0, MANY)
    if #old > 0 then
      for _, cost in ipairs(redis.call('HMGET', it.key, unpack(old))) do
        it.total = it.total - tonumber(cost or 0)
      end
      redis.call('HDEL', it.key, unpack(old))
      redis.call('ZREMRANGEBYRANK', it.stamps, 0, #old - 1)
      it.changed = true
    end
  until #old < MANY
end

function window.fits_at(it, amount, cost)
  local excess = it.total + cost - amount
  if excess <= 0 then
    return now
  end
  local from = 0
  repeat
    local stamps = redis.call('ZRANGE', it.stamps, from, from + 99, 'WITHSCORES')
    local names = {}
    for i = 1, #stamps, 2 do
      names[#names + 1] = stamps[i]
    end
    local costs = #names > 0 and redis.call('HMGET', it.key, unpack(names)) or {}
    for i, of_name in ipairs(costs) do
      excess = excess - tonumber(of_name or 0)
      if excess <= 0 then
        return tonumber(stamps[2 * i]) + it.period
      end
    end
    from = from + 100
  until #names < 100
  return nil
end

function window.take(it, name, cost)
  run(it.flying, name)
  redis.call('HSET', it.key, name, cost)
  it.total = it.total + cost
end

function window.stamp(it, name)
  if redis.call('ZREM', it.flying, name) == 1 then
    redis.call('ZADD', it.stamps, now, name)
  end
end

function window.adjust(it, name, cost)
  local old = redis.call('HGET', it.key, name)
  if old then
    redis.call('HSET', it.key, name, cost)
    it.total = it.total + cost - tonumber(old)
  end
end

function window.settle(it, name, cost)
  window.adjust(it, name, cost)
  if cost > 0 then
    return window.stamp(it, name)
  end
  redis.call('ZREM', it.flying, name)
  redis.call('ZREM', it.stamps, name)
  redis.call('HDEL', it.key, name)
end

function window.renew(it, name, cost)
  local is_known = runs(it.flying, name)
  run(it.flying, name)
  if not is_known then
    redis.call('ZREM', it.stamps, name)
    if redis.call('HSETNX', it.key, name, cost) == 1 then
      it.total = it.total + cost
    end
  end
  return is_known
end

function window.level(it)
  local newest = redis.call('ZRANGE', it.stamps, -1, -1, 'WITHSCORES')
  return it.total, newest[2] and tonumber(newest[2]) + it.period
end

function window.close(it)
  redis.call('HSET', it.key, 'total', it.total)
  for _, key in ipairs({ it.key, it.flying, it.stamps }) do
    keep_for(key, it.period + lease)
  end
end

-- day_count.py. Keys: the count and its day, and by name the end of the day that each was let in;
-- what is in flight.

local daily = {}

local function turn(it)
  if it.began - DAY <= wall and wall < it.ends then
    return
  end
  if wall >= it.ends then
    it.count = 0
  end
  for i = 1, #midnights - 1 do
    if wall >= midnights[i] then
      it.began, it.ends = midnights[i], midnights[i + 1]
    end
  end
end

function daily.open(it)
  it.flying = KEYS[it.index + 1]
  local found = redis.call('HMGET', it.key, 'count', 'began', 'ends')
  it.count, it.began, it.ends =
    tonumber(found[1] or 0), tonumber(found[2] or 0), tonumber(found[3] or 0)
  local names = lapsed(it.flying)
  for i = 1, #names, 2 do
    redis.call('HDEL', it.key, names[i])
  end
end

-- Forget the name; return the end of the day in which it was let in.
local function land(it, name)
  local ends = redis.call('HGET', it.key, name)
  if ends then
    redis.call('HDEL', it.key, name)
    redis.call('ZREM', it.flying, name)
  end
  return tonumber(ends or nil)
end

function daily.fits_at(it, amount, cost)
  turn(it)
  return it.count + cost <= amount and now or now + it.ends - wall
end

function daily.take(it, name, cost)
  turn(it)
  run(it.flying, name)
  redis.call('HSET', it.key, name, it.ends)
  it.count = it.count + cost
end

function daily.stamp(it, name)
  local ends = land(it, name)
  if ends then
    turn(it)
    it.count = it.count + (ends ~= it.ends and 1 or 0)
  end
end

daily.adjust = nothing

function daily.settle(it, name, cost)
  if cost > 0 then
    return daily.stamp(it, name)
  end
  if land(it, name) == it.ends then
    it.count = it.count - 1
  end
end

function daily.renew(it, name, cost, is_new)
  local is_known = runs(it.flying, name)
  run(it.flying, name)
  if not is_known then
    turn(it)
    redis.call('HSET', it.key, name, it.ends)
    it.count = it.count + (is_new and cost or 0)
  end
  return is_known
end

function daily.level(it)
  turn(it)
  return it.count, it.count > 0 and now + it.ends - wall
end

function daily.close(it)
  redis.call('HSET', it.key, 'count', it.count, 'began', it.began, 'ends', it.ends)
  keep_for(it.key, math.max(it.ends - wall, lease) + STEP)
  keep_for(it.flying, lease)
end

-- slot_set.py. Key: what runs.

local slots = {}

function slots.open(it)
  redis.call('ZREMRANGEBYSCORE', it.key, LONG_AGO, now)
  it.count = redis.call('ZCARD', it.key)
end

function slots.fits_at(it, amount, cost)
  return it.count + cost <= amount and now or nil
end

function slots.take(it, name)
  it.count = it.count + run(it.key, name)
end

slots.stamp = nothing
slots.adjust = nothing

function slots.settle(it, name)
  it.count = it.count - redis.call('ZREM', it.key, name)
end

function slots.renew(it, name)
  local added = run(it.key, name)
  it.count = it.count + added
  return added == 0
end

function slots.level(it)
  return it.count
end

function slots.close(it)
  keep_for(it.key, lease)
end

-- arrival_time.py. Keys: the time, and by name what each took of it; what is not settled. Amounts
-- and costs come as microseconds of the even rate, rounded by the caller: they may not fit a double
-- before they are divided.

local rate = {}

function rate.open(it)
  it.running = KEYS[it.index + 1]
  it.at = tonumber(redis.call('HGET', it.key, 'at') or 0)
  local names = lapsed(it.running)
  for i = 1, #names, 2 do
    redis.call('HDEL', it.key, names[i])
  end
end

function rate.fits_at(it, amount, cost)
  return math.max(now, it.at) + cost - amount
end

function rate.take(it, name, cost)
  run(it.running, name)
  redis.call('HSET', it.key, name, cost)
  it.at = math.max(now, it.at) + cost
end

rate.stamp = nothing

function rate.adjust(it, name, cost)
  local old = redis.call('HGET', it.key, name)
  if old then
    redis.call('HSET', it.key, name, cost)
    it.at = math.max(now, it.at + cost - tonumber(old))
  end
end

function rate.settle(it, name, cost)
  rate.adjust(it, name, cost)
  redis.call('HDEL', it.key, name)
  redis.call('ZREM', it.running, name)
end

function rate.renew(it, name, cost, is_new)
  local is_known = runs(it.running, name)
  run(it.running, name)
  if not is_known then
    redis.call('HSET', it.key, name, cost)
    it.at = is_new and math.max(now, it.at) + cost or it.at
  end
  return is_known
end

function rate.level(it)
  return math.max(0, it.at - now), it.at > now and it.at
end

function rate.close(it)
  redis.call('HSET', it.key, 'at', it.at)
  keep_for(it.key, math.max(it.at - now, 0) + lease)
  keep_for(it.running, lease)
end

-- gate_state.py. Key: when it opens.

local gate = { take = nothing, stamp = nothing, adjust = nothing, settle = nothing }

function gate.open(it)
  it.at = tonumber(redis.call('GET', it.key) or 0)
end

function gate.fits_at(it)
  return it.at
end

function gate.hold(it, delay)
  it.at = math.max(it.at, now + delay)
end

function gate.renew()
  return true
end

function gate.level(it)
  return it.at > now and 1 or 0, it.at > now and it.at
end

function gate.close(it)
  if it.at > now then
    redis.call('SET', it.key, it.at)
    keep_for(it.key, it.at - now)
  end
end

-- Limits are read at their first use in a batch, and written at its end.

local KINDS = { window = window, daily = daily, slots = slots, rate = rate, gate = gate }
local opened = {}

local function limit(index)
  local it = opened[index]
  if it == nil then
    local kind, first, period = unpack(limits[index])
    it = { kind = KINDS[kind], index = first, key = KEYS[first], period = period }
    it.kind.open(it)
    opened[index] = it
  end
  return it
end

-- log.py, with one more: to renew, which takes again, over the limit, what was lost.

local answers = { 1, wall }

local function answer(...)
  for _, value in ipairs({ ... }) do
    answers[#answers + 1] = value
  end
end

local function each(claims, act)
  for i = 1, #claims, 3 do
    local it = limit(claims[i])
    it.changed = true
    act(it, claims[i + 2])
  end
end

local WHAT = {}

-- Answers 0, 0, 0; or 1, which claim, for how long (-1: nobody knows); or 2, which claim: never.
function WHAT.reserve(name, claims)
  local first, longest
  for i = 1, #claims, 3 do
    local it, amount, cost = limit(claims[i]), claims[i + 1], claims[i + 2]
    local fits_at = it.kind.fits_at(it, amount, cost)
    if fits_at == nil or fits_at > now then
      if cost > amount then
        return answer(2, (i - 1) / 3, 0)
      end
      if first == nil or (fits_at ~= nil and (longest == nil or fits_at > longest)) then
        first, longest = i, fits_at
      end
    end
  end
  if first ~= nil then
    return answer(1, (first - 1) / 3, longest and longest - now or -1)
  end
  each(claims, function(it, cost)
    it.kind.take(it, name, cost)
  end)
  answer(0, 0, 0)
end

for _, what in ipairs({ 'stamp', 'adjust', 'settle' }) do
  WHAT[what] = function(name, claims)
    each(claims, function(it, cost)
      it.kind[what](it, name, cost)
    end)
  end
end

function WHAT.hold(_, claims)
  each(claims, gate.hold)
end

-- Answers 1 when something of it had been lost, else 0; is_new: these books never knew of it.
local function renew(name, claims, is_new)
  local lost = 0
  each(claims, function(it, cost)
    lost = it.kind.renew(it, name, cost, is_new) and lost or 1
  end)
  answer(lost)
end

function WHAT.renew(name, claims)
  renew(name, claims, false)
end

function WHAT.enter(name, claims)
  renew(name, claims, true)
end

-- Answers for each claim what is used, and in how long it is free again (-1: nobody knows).
function WHAT.levels(_, claims)
  for i = 1, #claims, 3 do
    local it = limit(claims[i])
    local used, frees_at = it.kind.level(it)
    answer(used, frees_at and frees_at - now or -1)
  end
end

-- Answers how many processes use the scope, this one included.
function WHAT.count()
  redis.call('ZADD', KEYS[2], now, replica)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], LONG_AGO, now - SEEN)
  keep_for(KEYS[2], SEEN)
  answer(redis.call('ZCARD', KEYS[2]))
end

for _, operation in ipairs(operations) do
  WHAT[operation[1]](operation[2], operation[3])
end
for _, it in pairs(opened) do
  if it.changed then
    it.kind.close(it)
  end
end
if keep > now then
  local state = string.format('%.0f %.0f %.0f', now, shift, keep)
  redis.call('SET', KEYS[1], state, 'PX', math.ceil((keep - now) / 1000) + 1000)
end
return cmsgpack.pack(answers)
