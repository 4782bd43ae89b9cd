-- Adds one stretch of one partition to one website's minute and its siblings, unless it is there already.
-- KEYS: the minute's hash, its users, its lists.
-- ARGV: partition, generation, first and last offset, life in milliseconds, most names per list, page views, events,
--       number of visitors, the visitors, then for each list: number of names, name and page views for each.
-- Answers -1 when it is counted, -2 when a newer generation has written here, or the offset held when that lies within the stretch.
local partition, generation = ARGV[1], tonumber(ARGV[2])
local first, last = tonumber(ARGV[3]), tonumber(ARGV[4])
local held = redis.call('HGET', KEYS[1], partition)
if held then
  local theirs, offset = string.match(held, '^(%d+):(%d+)$')
  theirs, offset = tonumber(theirs), tonumber(offset)
  if theirs > generation then return -2 end
  if theirs < generation then
    -- Written between the loss of what was before and the moment when it was noticed: it comes again.
    redis.call('DEL', unpack(KEYS))
  elseif offset >= last then
    return -1
  elseif offset >= first then
    return offset
  end
end

local at = 7
local function take()
  local value = ARGV[at]
  at = at + 1
  return value
end

local most = tonumber(ARGV[6])
redis.call('HINCRBY', KEYS[1], 'pageviews', take())
redis.call('HINCRBY', KEYS[1], 'events', take())

local visitors = tonumber(take())
while visitors > 0 do
  -- As many as surely fit on Lua's stack.
  local some = math.min(visitors, 1000)
  redis.call('PFADD', KEYS[2], unpack(ARGV, at, at + some - 1))
  at = at + some
  visitors = visitors - some
end

local lists = { 'other_pages', 'other_sources', 'other_channels', 'other_countries', 'other_devices' }
for list, other in ipairs(lists) do
  local key = KEYS[2 + list]
  local names = tonumber(take())
  local known = names > 0 and redis.call('ZCARD', key)
  for _ = 1, names do
    local name, pageviews = take(), take()
    if known < most then
      -- A score that is no greater than what was added is a new name's.
      if tonumber(redis.call('ZINCRBY', key, pageviews, name)) == tonumber(pageviews) then known = known + 1 end
    elseif redis.call('ZSCORE', key, name) then
      redis.call('ZINCRBY', key, pageviews, name)
    else
      redis.call('HINCRBY', KEYS[1], other, pageviews)
    end
  end
end

redis.call('HSET', KEYS[1], partition, ARGV[2] .. ':' .. ARGV[4])
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[5])
end
return -1
