-- One call, judged and counted in one atomic step; or one outcome. The same rules as authz/behaviour, on Redis.
-- KEYS: all carry one hash tag; first the clock of each scope, then what the rules keep.
-- ARGV[1]: JSON {now, horizons, free, shadow, rules} or {now, horizons, ends}.
-- Answer to a call: for each rule `figure took at`, joined by spaces; `-` where there is none.
local ask = cjson.decode(ARGV[1])
local at, serials = {}, {}

local function text(number)
  if number == math.huge then return 'inf' end
  return string.format('%.17g', number)
end

-- The instant to judge by: time that goes back is taken for the latest instant seen by anyone.
local function instant(meta)
  if not at[meta] then
    local latest = tonumber(redis.call('HGET', KEYS[meta], 't') or '0')
    if latest < ask.now then
      latest = ask.now
      redis.call('HSET', KEYS[meta], 't', text(latest))
    end
    redis.call('PEXPIRE', KEYS[meta], text(math.ceil(ask.horizons[meta] / 1000) * 2 + 60000))
    at[meta] = latest
  end
  return at[meta]
end

local function serial(rule)
  local meta = KEYS[rule.m]
  local number = redis.call('HINCRBY', meta, 'n', 1)
  return text(number)
end

-- Longer than any window, whatever the clocks of the workers say; what counts is decided by instants alone.
local function keep(key, span)
  redis.call('PEXPIRE', key, text(math.ceil(span / 1000) * 2 + 60000))
end

local function forget(key, edge)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(edge))
end

local figure, take, finish = {}, {}, {}

figure.calls = function(rule, key, now)
  forget(key, now - rule.per)
  return redis.call('ZCARD', key) + 1
end

take.calls = function(rule, key, now)
  redis.call('ZADD', key, text(now), serial(rule))
  redis.call('ZREMRANGEBYRANK', key, 0, -(rule.most + 1))
  keep(key, rule.per)
  return rule.v
end

figure.concurrency = figure.calls
take.concurrency = take.calls

finish.concurrency = function(rule, key)
  local one = redis.call('ZRANGEBYSCORE', key, text(rule.began), text(rule.began), 'LIMIT', 0, 1)
  if one[1] then redis.call('ZREM', key, one[1]) end
end

-- Amounts are whole billionths; the total lives beside them and is exact up to 2^53 of them.
local function total(rule, key, now)
  local field = 's' .. key
  local sum = tonumber(redis.call('HGET', KEYS[rule.m], field) or '0')
  local old = redis.call('ZRANGEBYSCORE', key, '-inf', text(now - rule.per))
  for _, member in ipairs(old) do
    sum = sum - tonumber(string.match(member, ':(.+)$'))
  end
  if #old > 0 then
    forget(key, now - rule.per)
    redis.call('HSET', KEYS[rule.m], field, text(sum))
  end
  return sum
end

local function add(rule, key, now, amount)
  redis.call('ZADD', key, text(now), serial(rule) .. ':' .. text(amount))
  redis.call('HSET', KEYS[rule.m], 's' .. key, text(total(rule, key, now) + amount))
  keep(key, rule.per)
end

figure.sum = function(rule, key, now)
  local sum = total(rule, key, now)
  if rule.v == 'inf' then return math.huge end
  return (sum + rule.v) / 1e9
end

take.sum = function(rule, key, now)
  if rule.v == 'inf' then return 0 end
  add(rule, key, now, rule.v)
  return rule.v
end

figure.egress = function(rule, key, now) return total(rule, key, now) / 1e9 end
take.egress = function(rule) return rule.v end
finish.egress = function(rule, key, now) add(rule, key, now, rule.add) end

figure.distinct = function(rule, key, now)
  forget(key, now - rule.per)
  local count = redis.call('ZCARD', key)
  if rule.v < rule.below and not redis.call('ZSCORE', key, text(rule.v)) then count = count + 1 end
  if rule.share == 1 then return count end
  return math.ceil((count + 3 * math.sqrt(count)) * rule.share)
end

take.distinct = function(rule, key, now)
  if rule.v < rule.below then
    redis.call('ZADD', key, text(now), text(rule.v))
    redis.call('ZREMRANGEBYRANK', key, 0, -(rule.most + 1))
    keep(key, rule.per)
  end
  return rule.v
end

figure.first = function(rule, key, now)
  local last = redis.call('ZSCORE', key, text(rule.v))
  if last and tonumber(last) > now - rule.per then return 0 end
  return 1
end

take.first = function(rule, key, now)
  redis.call('ZADD', key, text(now), text(rule.v))
  redis.call('ZREMRANGEBYRANK', key, 0, -(rule.most + 1))
  keep(key, rule.per)
  return rule.v
end

figure.run = function(rule, key, now)
  local run = redis.call('HMGET', key, 'start', 'last', 'calls')
  local on = run[1] and now - tonumber(run[2]) < rule.per
  if rule.length then
    return on and (now - tonumber(run[1])) / 1e6 or 0
  end
  return on and tonumber(run[3]) + 1 or 1
end

take.run = function(rule, key, now)
  local last = redis.call('HGET', key, 'last')
  if last and now - tonumber(last) < rule.per then
    redis.call('HSET', key, 'last', text(now))
    redis.call('HINCRBY', key, 'calls', 1)
  else
    redis.call('HSET', key, 'start', text(now), 'last', text(now), 'calls', 1)
  end
  keep(key, rule.per)
  return rule.v
end

figure.repeats = figure.calls
take.repeats = take.calls

-- Probes: `key` holds their instants, the one behind it what is remembered of this call's target.
local function remembered(rule, now)
  if not rule.target then return nil end
  local known = redis.call('HMGET', KEYS[rule.target], 'last', 'count')
  if known[1] and tonumber(known[1]) > now - rule.remember then return tonumber(known[2]) end
  return nil
end

local function probe(rule, key, now)
  redis.call('ZADD', key, text(now), serial(rule))
  redis.call('ZREMRANGEBYRANK', key, 0, -(rule.most + 1))
  keep(key, rule.per)
end

figure.probes = function(rule, key, now)
  forget(key, now - rule.per)
  local count = redis.call('ZCARD', key)
  local known = remembered(rule, now)
  return known and math.max(count, known) + 1 or count
end

take.probes = function(rule, key, now)
  if not remembered(rule, now) then return rule.v end
  probe(rule, key, now)
  redis.call('HINCRBY', KEYS[rule.target], 'count', 1)
  return -rule.v
end

finish.probes = function(rule, key, now)
  if rule.bad then
    if rule.target then
      if not remembered(rule, now) then redis.call('DEL', KEYS[rule.target]) end
      redis.call('HSET', KEYS[rule.target], 'last', text(now))
      redis.call('HINCRBY', KEYS[rule.target], 'count', rule.fresh and 1 or 0)
      keep(KEYS[rule.target], rule.remember)
    end
    if rule.fresh then probe(rule, key, now) end
  elseif rule.ok and rule.target then
    redis.call('DEL', KEYS[rule.target])
  end
end

local function came(rule, key, now)
  local last = redis.call('GET', key)
  return last and tonumber(last) > now - rule.per
end

figure.sequence = function(rule, key, now)
  local yes = came(rule, key, now)
  if rule.require then return yes and 0 or 1 end
  return yes and 1 or 0
end

local function arm(rule, key, now)
  if rule.v < 0 then return end
  redis.call('SET', key, text(now))
  keep(key, rule.per)
end

take.sequence = function(rule, key, now)
  if not rule.late then arm(rule, key, now) end
  return rule.v
end

finish.sequence = function(rule, key, now)
  if rule.bad then arm(rule, key, now) end
end

figure.pace = function(rule, key, now)
  local times = redis.call('ZREVRANGE', key, 0, rule.most, 'WITHSCORES')
  local short, long, later, count = 0, 0, now, 1
  for place = 2, #times, 2 do
    local interval = later - tonumber(times[place])
    if interval < rule.shortest then return count == 1 and 0 or count end
    if short == 0 or interval < short then short = interval end
    if interval > long then long = interval end
    if interval > rule.per or long > short * rule.ratio then break end
    later = tonumber(times[place])
    count = count + 1
  end
  return count
end

take.pace = function(rule, key, now)
  local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
  if last[2] and now - tonumber(last[2]) < rule.shortest then return rule.v end
  return take.calls(rule, key, now)
end

if ask.ends then
  for _, rule in ipairs(ask.ends) do
    finish[rule.k](rule, KEYS[rule.i], instant(rule.m))
  end
  return ''
end

local figures, quiet = {}, true
for place, rule in ipairs(ask.rules) do
  if rule.j then
    local found = figure[rule.k](rule, KEYS[rule.i], instant(rule.m))
    figures[place] = found
    if rule.c and not (found <= rule.c) then quiet = false end
  end
end
local free = ask.free and (quiet or ask.shadow)
local answer = { free and '1' or '0' }
for place, rule in ipairs(ask.rules) do
  local took = nil
  if rule.t and (free or rule.a) then
    took = take[rule.k](rule, KEYS[rule.i], instant(rule.m))
  end
  answer[#answer + 1] = figures[place] and text(figures[place]) or '-'
  answer[#answer + 1] = took and text(took) or '-'
  answer[#answer + 1] = text(instant(rule.m))
end
return table.concat(answer, ' ')
