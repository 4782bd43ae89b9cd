-- Adds one stretch of one partition to sessions, each unless it is there already.
-- KEYS: the sessions' hashes.
-- ARGV: partition, generation, the time now, life and grace in milliseconds, then for each session: first and last offset, website, user,
--       time of its oldest and of its newest event, page views, events, first and last page, device type, country.
-- Answers for each session as the minute's script does.
local partition, generation = ARGV[1], tonumber(ARGV[2])
local now, life, grace = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local answers = {}

local function add(key, at)
  local first, last = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local held = redis.call('HGET', key, partition)
  if held then
    local theirs, offset = string.match(held, '^(%d+):(%d+)$')
    theirs, offset = tonumber(theirs), tonumber(offset)
    if theirs > generation then return -2 end
    if theirs < generation then
      redis.call('DEL', key)
    elseif offset >= last then
      return -1
    elseif offset >= first then
      return offset
    end
  end

  local oldest, newest = ARGV[at + 4], ARGV[at + 5]
  local landing, current = ARGV[at + 8], ARGV[at + 9]
  local was = redis.call('HMGET', key, 'start_time', 'last_activity', 'landing_page', 'current_page')
  local start, activity = was[1], was[2]
  local earlier = not start or tonumber(oldest) < tonumber(start)
  local later = not activity or tonumber(newest) >= tonumber(activity)
  if earlier then start = oldest end
  if later then activity = newest end
  -- A page stands where none did; beyond that the oldest is the landing page, the newest the current one.
  if landing == '' or not (earlier or (was[3] or '') == '') then landing = was[3] or '' end
  if current == '' or not (later or (was[4] or '') == '') then current = was[4] or '' end
  redis.call('HSET', key, 'website_id', ARGV[at + 2], 'user_id', ARGV[at + 3], 'start_time', start, 'last_activity', activity,
    'landing_page', landing, 'current_page', current, 'device_type', ARGV[at + 10], 'country', ARGV[at + 11],
    partition, ARGV[2] .. ':' .. ARGV[at + 1])
  redis.call('HINCRBY', key, 'pageviews', ARGV[at + 6])
  redis.call('HINCRBY', key, 'events', ARGV[at + 7])
  redis.call('PEXPIRE', key, math.min(life, math.max(grace, tonumber(activity) + life - now)))
  return -1
end

for index, key in ipairs(KEYS) do
  answers[index] = add(key, 6 + (index - 1) * 12)
end
return answers
