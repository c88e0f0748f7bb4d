#!lua flags=allow-oom
-- A member of a chord has ended: count it, once however often that is told. KEYS: celery-taskset-meta-<group> with .j, .t and .s behind it.
-- ARGV: the member's id, what it leaves, its index or +inf, how many seconds the set is kept (0: for ever). Answers what all have left
-- when this was the last one, else nothing.
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[3], ARGV[3])) do
    if string.match(old, '^%[%s*1%s*,%s*"([^"]*)"') == ARGV[1] then redis.call('ZREM', KEYS[1], old) end
end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
if ARGV[4] ~= '0' then
    for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
end
local size = redis.call('GET', KEYS[3])
if size and redis.call('ZCARD', KEYS[1]) >= tonumber(size) + tonumber(redis.call('GET', KEYS[2]) or 0) then
    return redis.call('ZRANGE', KEYS[1], 0, -1)
end
return {}
