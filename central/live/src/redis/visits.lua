-- Notes when sessions of users were last active. Repeating it changes nothing.
-- KEYS: the users' sorted sets.
-- ARGV: the time now, life in milliseconds, most sessions of one user, then for each key: session, time of its newest event.
local now, life, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for index, key in ipairs(KEYS) do
  local at = 4 + (index - 1) * 2
  redis.call('ZADD', key, 'GT', ARGV[at + 1], ARGV[at])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('(%.0f', now - life))
  redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
  local newest = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  if newest then
    redis.call('PEXPIRE', key, string.format('%.0f', math.min(life, tonumber(newest) + life - now)))
  end
end
return #KEYS
