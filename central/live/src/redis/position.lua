-- Moves a partition's position on, if it is where its writer left it.
-- KEYS: the position.
-- ARGV: generation, where the writer left it, where it is to be, life in milliseconds.
-- Answers 1, or 0 when the position is gone, lies before, or is of another generation.
local held = redis.call('HMGET', KEYS[1], 'generation', 'next')
if held[1] ~= ARGV[1] or tonumber(held[2]) < tonumber(ARGV[2]) then return 0 end
if tonumber(held[2]) < tonumber(ARGV[3]) then redis.call('HSET', KEYS[1], 'next', ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
