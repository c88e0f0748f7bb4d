#!lua flags=allow-oom
-- The oldest failed tasks, at most so many, after the given number of them has been forgotten.
-- KEYS[1] the queue's prefix; ARGV: how many to forget, how many to answer
local list = KEYS[1] .. 'failed'
if ARGV[1] ~= '0' then
    redis.call('LPOP', list, ARGV[1])
end
return redis.call('LRANGE', list, 0, ARGV[2] - 1)
