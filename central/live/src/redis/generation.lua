-- Begins a new generation of a partition, unless a newer one has begun.
-- KEYS: the position.
-- ARGV: generation, position, life in milliseconds.
-- Answers 1, or 0 when a newer one has begun.
local held = redis.call('HGET', KEYS[1], 'generation')
if held and tonumber(held) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'next', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
