-- Gives up a lock, if it is still one's own.
-- KEYS: the lock.
-- ARGV: by what it is known to be one's own.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
