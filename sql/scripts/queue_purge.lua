#!lua flags=allow-oom
-- Forget what waits in a queue, at most so many a call; what is held goes on. Answers how many.
-- KEYS[1] the queue's prefix; ARGV: how many
local prefix, left = KEYS[1], tonumber(ARGV[1])
local count = 0
local function forget(tasks)
    for _, task in ipairs(tasks) do
        local id, unique = task:match('^([^\t]+)\t%d\t%d+\t%d+\t%d+\t%d+\t%d+\t[^\t]*\t[^\t]*\t([^\t]*)')
        if unique ~= '' and redis.call('HGET', prefix .. 'unique', unique) == id then
            redis.call('HDEL', prefix .. 'unique', unique)
        end
    end
    count = count + #tasks
end
for priority = 0, 9 do
    if count < left then
        forget(redis.call('LPOP', prefix .. 'ready:' .. priority, left - count) or {})
    end
end
if count < left then
    local delayed = redis.call('ZRANGE', prefix .. 'delayed', 0, left - count - 1)
    if #delayed > 0 then
        forget(delayed)
        redis.call('ZREM', prefix .. 'delayed', unpack(delayed))
    end
end
return count
