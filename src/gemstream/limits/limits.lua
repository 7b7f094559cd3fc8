-- The books of one scope: the arithmetic of gemstream/policy/limit, kept in Redis.
--
-- One call does a batch of operations in order, all at one moment of the server's clock. Above this
-- text stands a function time() that gives that moment in microseconds since 1970.
--
-- KEYS, all with the scope's hash tag:
--   1 numbers    hash: the clock, days, rates, gates
--   2 requests   hash: by name what each request counts for, and by limit the sum of it
--   3 running    sorted set: names by the end of their lease
--   4 processes  sorted set: those that use the scope, by when they were last heard of
--   5 stamps     sorted sets, one for each period (the key ends in it): names by the time at
--                which the head of their answer came
-- ARGV[1], MessagePack: { lease, process, midnights, limits, operations }
--   lease: for how long what runs is believed to run unless renewed. midnights: those of US/Pacific
--   around now, four of them, or none where nothing is counted by day.
--   limits: { quota, kind, period, amount } each. operations: { what, name, claims } each, where
--   claims are flat triples: index of the limit, the most that one request may cost, the cost.
-- Returns MessagePack: { 0, wall } when the midnights do not fit the server's clock, and nothing
-- was done; else { 1, wall, answers of the operations that have one, in order }.
--
-- A process that is killed renews no lease. What it had in flight counts in windows as if the heads
-- had come when the lease ran out, for nobody knows what the service saw of it; slots are free then.

local LONG_AGO = '-inf'
local MANY = 1000 -- entries read at a time, well below what unpack can hold
local SECOND = 1000000
local DAY = 86400 * SECOND
local SEEN = 60 * SECOND -- a process that was not heard of for so long is gone
local STEP = 3600 * SECOND -- a clock set back by this much finds a day's count still there

local NUMBERS, REQUESTS, RUNNING, PROCESSES = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local STAMPS = string.match(KEYS[5], '^(.*:)%d+$')

local lease, process, midnights, limits, operations = unpack(cmsgpack.unpack(ARGV[1]))
local wall = time()
if #midnights > 0 and (wall < midnights[1] or wall >= midnights[#midnights]) then
  return cmsgpack.pack({ 0, wall })
end

local stamps_keys = {}

local function stamps_of(period)
  local key = stamps_keys[period]
  if key == nil then
    key = STAMPS .. string.format('%.0f', period)
    stamps_keys[period] = key
  end
  return key
end

-- Numbers of a hash: read when asked for, written in one go.

local function hash(key)
  return { key = key, read = {}, written = {} }
end

local function prefetch(it, fields)
  for i, value in ipairs(redis.call('HMGET', it.key, unpack(fields))) do
    it.read[fields[i]] = value
  end
end

local function get(it, field)
  local value = it.read[field]
  if value == nil then
    value = redis.call('HGET', it.key, field)
  end
  value = tonumber(value or 0)
  it.read[field] = value
  return value
end

local function set(it, field, value)
  it.read[field], it.written[field] = value, value
end

local numbers, requests = hash(NUMBERS), hash(REQUESTS)

local function first_reads()
  local in_numbers, in_requests = { ':now', ':shift', ':keep' }, { ':period' }
  for _, limit in ipairs(limits) do
    local quota, kind = limit[1], limit[2]
    if kind == 'window' or kind == 'slots' then
      in_requests[#in_requests + 1] = quota
    else
      in_numbers[#in_numbers + 1] = quota
    end
    if kind == 'rate' then
      in_numbers[#in_numbers + 1] = quota .. ':part'
    end
    if kind == 'daily' then
      in_numbers[#in_numbers + 1] = quota .. ':began'
      in_numbers[#in_numbers + 1] = quota .. ':ends'
    end
  end
  prefetch(numbers, in_numbers)
  prefetch(requests, in_requests)
end

first_reads()

-- The server's clock may be set back. Time as windows, leases and rates see it never is: it goes on
-- from where it was.
local now = wall + get(numbers, ':shift')
if now < get(numbers, ':now') then
  set(numbers, ':shift', get(numbers, ':shift') + get(numbers, ':now') - now)
  now = get(numbers, ':now')
end

local keep = get(numbers, ':keep') -- until when the numbers matter
local kept = get(requests, ':period') -- for how long stamps do, the longest of all

local function keep_for(microseconds)
  keep = math.max(keep, now + microseconds)
end

-- Requests. A record is { state, entries }; an entry { quota, kind, value, period }.

local FLYING, STAMPED, LAPSED = 0, 1, 2
local records, touched, periods = {}, {}, {}

local function decoded(packed)
  if not packed then
    return { state = FLYING, entries = {} }
  end
  local state, entries = unpack(cmsgpack.unpack(packed))
  return { state = state, entries = entries }
end

local function record(name)
  local it = records[name]
  if it == nil then
    it = decoded(redis.call('HGET', REQUESTS, name))
    records[name] = it
  end
  return it
end

local function load_records(names)
  for i, packed in ipairs(redis.call('HMGET', REQUESTS, unpack(names))) do
    records[names[i]] = records[names[i]] or decoded(packed)
  end
end

local function entry(it, quota)
  for i, found in ipairs(it.entries) do
    if found[1] == quota then
      return found, i
    end
  end
end

-- Note what a request counts for in a limit.
local function enter(name, limit, value)
  local it = record(name)
  local found = entry(it, limit.quota)
  if found then
    found[3] = value
  else
    it.entries[#it.entries + 1] = { limit.quota, limit.kind, value, limit.period }
  end
  touched[name] = true
  kept = math.max(kept, limit.period)
end

-- Forget that; return what it was.
local function leave(name, quota)
  local it = record(name)
  local found, index = entry(it, quota)
  if found then
    table.remove(it.entries, index)
    touched[name] = true
    return found[3]
  end
end

local function mark(name, it, state, at)
  it.state = state
  touched[name] = true
  local marked -- most often all windows of a request are of one period
  for _, found in ipairs(it.entries) do
    if found[2] == 'window' and found[4] ~= marked then
      marked = found[4]
      redis.call('ZADD', stamps_of(marked), at, name)
      periods[marked] = true
      kept = math.max(kept, marked)
    end
  end
end

local function add(hash_of, quota, amount)
  set(hash_of, quota, get(hash_of, quota) + amount)
end

-- What is over is taken out before anything is decided.

local function lapse()
  local names = redis.call('ZRANGEBYSCORE', RUNNING, LONG_AGO, now, 'WITHSCORES')
  for i = 1, #names, 2 do
    local name = names[i]
    local it = record(name)
    for index = #it.entries, 1, -1 do
      local quota, kind = unpack(it.entries[index])
      if kind == 'slots' then
        add(requests, quota, -1)
      end
      if kind ~= 'window' then
        table.remove(it.entries, index)
      end
    end
    touched[name] = true
    if it.state == FLYING then
      mark(name, it, LAPSED, tonumber(names[i + 1]))
    end
  end
  if #names > 0 then
    redis.call('ZREMRANGEBYSCORE', RUNNING, LONG_AGO, now)
  end
end

local function expire(period)
  local key = stamps_of(period)
  repeat
    local names = redis.call('ZRANGEBYSCORE', key, LONG_AGO, now - period, 'LIMIT', 0, MANY)
    if #names == 0 then
      break
    end
    load_records(names)
    for _, name in ipairs(names) do
      local it = records[name]
      for index = #it.entries, 1, -1 do
        local quota, kind, value, of = unpack(it.entries[index])
        if kind == 'window' and of == period then
          add(requests, quota, -value)
          table.remove(it.entries, index)
        end
      end
      touched[name] = true
    end
    redis.call('ZREMRANGEBYRANK', key, 0, #names - 1)
  until #names < MANY
end

-- window_log.py: the number is the sum of what is in flight and what was stamped in the period.

local window = {}

function window.fits_at(limit, amount, cost)
  local excess = get(requests, limit.quota) + cost - amount
  if excess <= 0 then
    return now
  end
  local key, from, size = stamps_of(limit.period), 0, 8
  repeat
    local names = redis.call('ZRANGE', key, from, from + size - 1)
    if #names > 0 then
      load_records(names)
    end
    for _, name in ipairs(names) do
      local found = entry(records[name], limit.quota)
      excess = excess - (found and found[3] or 0)
      if excess <= 0 then
        return tonumber(redis.call('ZSCORE', key, name)) + limit.period
      end
    end
    from, size = from + size, math.min(2 * size, MANY)
  until #names == 0
  return nil
end

function window.take(limit, name, cost)
  enter(name, limit, cost)
  add(requests, limit.quota, cost)
end

function window.stamp() end -- done for all windows of a request at once: mark

function window.adjust(limit, name, cost)
  local found = entry(record(name), limit.quota)
  if found then
    add(requests, limit.quota, cost - found[3])
    enter(name, limit, cost)
  end
end

function window.settle(limit, name, cost)
  window.adjust(limit, name, cost)
  if cost == 0 then
    leave(name, limit.quota)
  end
end

function window.renew(limit, name, cost)
  if not entry(record(name), limit.quota) then
    window.take(limit, name, cost)
  end
end

function window.level(limit)
  local key = stamps_of(limit.period)
  local newest = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
  local used = get(requests, limit.quota)
  return used, used > 0 and newest[2] and tonumber(newest[2]) + limit.period
end

-- day_count.py: the number is what was let in in the day from began to ends; the value of an entry
-- the end of the day in which it was let in.

local daily = {}

local function turn(quota)
  local ends = get(numbers, quota .. ':ends')
  if get(numbers, quota .. ':began') - DAY <= wall and wall < ends then
    return ends
  end
  if wall >= ends then
    set(numbers, quota, 0)
  end
  for i = 1, #midnights - 1 do
    if wall >= midnights[i] then
      set(numbers, quota .. ':began', midnights[i])
      ends = midnights[i + 1]
    end
  end
  set(numbers, quota .. ':ends', ends)
  return ends
end

local function keep_day(quota)
  keep_for(math.max(get(numbers, quota .. ':ends') - wall, lease) + STEP)
end

function daily.fits_at(limit, amount, cost)
  local ends = turn(limit.quota)
  return get(numbers, limit.quota) + cost <= amount and now or now + ends - wall
end

function daily.take(limit, name, cost)
  enter(name, limit, turn(limit.quota))
  add(numbers, limit.quota, cost)
  keep_day(limit.quota)
end

function daily.stamp(limit, name)
  local ends = leave(name, limit.quota)
  if ends and ends ~= turn(limit.quota) then
    add(numbers, limit.quota, 1)
    keep_day(limit.quota)
  end
end

function daily.adjust() end

function daily.settle(limit, name, cost)
  if cost > 0 then
    return daily.stamp(limit, name)
  end
  local ends = leave(name, limit.quota)
  if ends and ends == get(numbers, limit.quota .. ':ends') then
    add(numbers, limit.quota, -1)
  end
end

function daily.renew(limit, name, cost, is_new)
  if not entry(record(name), limit.quota) then
    daily.take(limit, name, is_new and cost or 0)
  end
end

function daily.level(limit)
  local ends, used = turn(limit.quota), get(numbers, limit.quota)
  return used, used > 0 and now + ends - wall
end

-- slot_set.py: the number is how many run.

local slots = {}

function slots.fits_at(limit, amount, cost)
  return get(requests, limit.quota) + cost <= amount and now or nil
end

function slots.take(limit, name)
  if not entry(record(name), limit.quota) then
    enter(name, limit, 1)
    add(requests, limit.quota, 1)
  end
end

function slots.stamp() end

function slots.adjust() end

function slots.settle(limit, name)
  if leave(name, limit.quota) then
    add(requests, limit.quota, -1)
  end
end

slots.renew = slots.take

function slots.level(limit)
  return get(requests, limit.quota)
end

-- arrival_time.py: the numbers are the time when all is used up, and what is beyond its microsecond
-- in fractions of one, of which limit.amount make one; the value of an entry is its cost. Fractions
-- are whole numbers, and far below what a double holds exactly.

local FAR = 2 ^ 52
local rate = {}

local function part_of(quota)
  return quota .. ':part'
end

local function debt(limit)
  local ahead = get(numbers, limit.quota) - now
  ahead = math.max(ahead, -math.floor(FAR / limit.amount))
  return ahead * limit.amount + math.min(get(numbers, part_of(limit.quota)), limit.amount - 1)
end

local function owe(limit, fractions)
  local whole = math.floor(math.max(0, fractions) / limit.amount)
  set(numbers, limit.quota, now + whole)
  set(numbers, part_of(limit.quota), math.max(0, fractions) - whole * limit.amount)
  keep_for(whole + 1)
end

function rate.fits_at(limit, burst, cost)
  local excess = math.max(0, debt(limit)) + (cost - burst) * limit.period
  return now + math.ceil(excess / limit.amount)
end

function rate.take(limit, name, cost)
  enter(name, limit, cost)
  owe(limit, math.max(0, debt(limit)) + cost * limit.period)
end

function rate.stamp() end

function rate.adjust(limit, name, cost)
  local found = entry(record(name), limit.quota)
  if found then
    owe(limit, debt(limit) + (cost - found[3]) * limit.period)
    enter(name, limit, cost)
  end
end

function rate.settle(limit, name, cost)
  rate.adjust(limit, name, cost)
  leave(name, limit.quota)
end

function rate.renew(limit, name, cost, is_new)
  if entry(record(name), limit.quota) then
    return
  end
  if is_new then
    return rate.take(limit, name, cost)
  end
  enter(name, limit, cost)
end

function rate.level(limit)
  local owed = math.max(0, debt(limit))
  local frees_at = owed > 0 and now + math.ceil(owed / limit.amount)
  return math.ceil(owed / limit.period), frees_at
end

-- gate_state.py: the number is when it opens.

local gate = {}

local function close(quota, at)
  set(numbers, quota, at)
  keep_for(math.max(at - now, 0))
end

function gate.fits_at(limit)
  return get(numbers, limit.quota)
end

function gate.hold(limit, delay)
  close(limit.quota, math.max(get(numbers, limit.quota), now + delay))
end

function gate.level(limit)
  local at = get(numbers, limit.quota)
  return at > now and 1 or 0, at > now and at
end

for _, what in ipairs({ 'take', 'stamp', 'adjust', 'settle', 'renew' }) do
  gate[what] = function() end
end

-- log.py, with one more: to renew, which takes again, over the limit, what was lost.

local KINDS = { window = window, daily = daily, slots = slots, rate = rate, gate = gate }
for i, limit in ipairs(limits) do
  local quota, kind, period, amount = unpack(limit)
  limits[i] = { quota = quota, kind = kind, period = period, amount = amount, rules = KINDS[kind] }
end

local answers = { 1, wall }

local function answer(...)
  for _, value in ipairs({ ... }) do
    answers[#answers + 1] = value
  end
end

local function each(rule, name, claims, ...)
  for i = 1, #claims, 3 do
    local limit = limits[claims[i]]
    limit.rules[rule](limit, name, claims[i + 2], ...)
  end
end

-- Believe that the request runs, if there is anything to believe; true when that is known.
local function run(name)
  return #record(name).entries > 0 and redis.call('ZADD', RUNNING, now + lease, name) == 0
end

-- What begins and ends to run is written in one go.
local starting, ending = {}, {}

local function in_pieces(list, command)
  for from = 1, #list, MANY do
    redis.call(command, RUNNING, unpack(list, from, math.min(#list, from + MANY - 1)))
  end
end

local function write_running()
  local begun = {}
  for name in pairs(starting) do
    begun[#begun + 1] = now + lease
    begun[#begun + 1] = name
  end
  in_pieces(begun, 'ZADD')
  in_pieces(ending, 'ZREM')
end

local WHAT = {}

-- Answers 0, 0, 0; or 1, which claim, for how long (-1: nobody knows); or 2, which claim, 0: never.
function WHAT.reserve(name, claims)
  local first, longest
  for i = 1, #claims, 3 do
    local limit, amount, cost = limits[claims[i]], claims[i + 1], claims[i + 2]
    local fits_at = limit.rules.fits_at(limit, amount, cost)
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
  records[name] = { state = FLYING, entries = {} } -- not looked for: no two requests share a name
  each('take', name, claims)
  starting[name] = #records[name].entries > 0 or nil
  answer(0, 0, 0)
end

function WHAT.stamp(name, claims)
  local it = record(name)
  if it.state ~= STAMPED and #it.entries > 0 then
    mark(name, it, STAMPED, now)
  end
  each('stamp', name, claims)
end

function WHAT.adjust(name, claims)
  each('adjust', name, claims)
end

function WHAT.settle(name, claims)
  each('settle', name, claims)
  local it = record(name)
  if it.state ~= STAMPED and #it.entries > 0 then
    mark(name, it, STAMPED, now)
  end
  if starting[name] then
    starting[name] = nil
  else
    ending[#ending + 1] = name
  end
end

function WHAT.hold(name, claims)
  for i = 1, #claims, 3 do
    gate.hold(limits[claims[i]], claims[i + 2])
  end
end

-- Answers 1 when it was lost, else 0; is_new: these books never knew of it.
local function renew(name, claims, is_new)
  local is_known = redis.call('ZSCORE', RUNNING, name)
  if not is_known then
    local it = record(name)
    if it.state == LAPSED then
      it.state = FLYING -- its stamps are moved when the head comes
      for _, found in ipairs(it.entries) do
        redis.call('ZREM', stamps_of(found[4]), name)
      end
    end
    each('renew', name, claims, is_new)
  end
  touched[name] = true -- so that its keys live on
  run(name)
  answer(is_known and 0 or 1)
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
    local limit = limits[claims[i]]
    local used, frees_at = limit.rules.level(limit)
    answer(used, frees_at and frees_at - now or -1)
  end
end

-- Answers how many processes use the scope, this one included.
function WHAT.count()
  redis.call('ZADD', PROCESSES, now, process)
  redis.call('ZREMRANGEBYSCORE', PROCESSES, LONG_AGO, now - SEEN)
  redis.call('PEXPIRE', PROCESSES, SEEN / 1000)
  keep_for(SEEN)
  answer(redis.call('ZCARD', PROCESSES))
end

lapse()
for i = 5, #KEYS do
  expire(tonumber(string.match(KEYS[i], '%d+$')))
end
for _, operation in ipairs(operations) do
  WHAT[operation[1]](operation[2], operation[3])
end
write_running()

-- All is written once, and nothing stays for longer than it matters.

local function milliseconds(microseconds)
  return math.ceil(microseconds / 1000) + 1000
end

local function write(it)
  local pairs_of = {}
  for field, value in pairs(it.written) do
    pairs_of[#pairs_of + 1] = field
    pairs_of[#pairs_of + 1] = value
    if #pairs_of == MANY then
      redis.call('HSET', it.key, unpack(pairs_of))
      pairs_of = {}
    end
  end
  if #pairs_of > 0 then
    redis.call('HSET', it.key, unpack(pairs_of))
  end
end

local function write_records()
  local gone = {}
  for name in pairs(touched) do
    local it = records[name]
    if #it.entries > 0 then
      requests.written[name] = cmsgpack.pack({ it.state, it.entries })
    else
      gone[#gone + 1] = name
    end
    if #gone == MANY then
      redis.call('HDEL', REQUESTS, unpack(gone))
      gone = {}
    end
  end
  if #gone > 0 then
    redis.call('HDEL', REQUESTS, unpack(gone))
  end
end

local function write_requests()
  set(requests, ':period', kept)
  write_records()
  write(requests)
  keep_for(lease + kept)
  local left = milliseconds(lease + kept)
  redis.call('PEXPIRE', REQUESTS, left)
  redis.call('PEXPIRE', RUNNING, left)
  for i = 5, #KEYS do
    periods[tonumber(string.match(KEYS[i], '%d+$'))] = true
  end
  for period in pairs(periods) do
    redis.call('PEXPIRE', stamps_of(period), left)
  end
end

if next(touched) or next(requests.written) then
  write_requests()
end
keep_for(lease)
set(numbers, ':now', now)
set(numbers, ':keep', keep)
write(numbers)
redis.call('PEXPIRE', NUMBERS, milliseconds(keep - now))
return cmsgpack.pack(answers)
