#!lua flags=allow-oom
-- A task of a claim has turned slow: what has succeeded before it is gone, what was to run after it goes back to where it stood. The rest stays as it
-- is. Answers how many went back, -1 when the task is not held there.
-- KEYS[1] the queue's prefix; ARGV: the holder, the slow task's place and id, then a character a place: '1' has succeeded, '2' goes back
local prefix, holder, marks = KEYS[1], ARGV[1], ARGV[4]
local held = prefix .. 'held:' .. holder
local slow = redis.call('LINDEX', held, ARGV[2] - 1)
if not redis.call('ZSCORE', prefix .. 'leases', holder) or not slow or slow:sub(1, 36) ~= ARGV[3] then
    return -1
end
local tasks = redis.call('LRANGE', held, 0, -1)
local returned = 0
for i = #tasks, 1, -1 do
    local task, mark = tasks[i], marks:sub(i, i)
    if task ~= '' and mark == '1' then
        local unique = task:match('^' .. ('[^\t]*\t'):rep(9) .. '([^\t]*)\t')
        if unique ~= '' and redis.call('HGET', prefix .. 'unique', unique) == task:sub(1, 36) then
            redis.call('HDEL', prefix .. 'unique', unique)
        end
        redis.call('LSET', held, i - 1, '')
    elseif task ~= '' and mark == '2' then
        redis.call('LPUSH', prefix .. 'ready:' .. task:sub(38, 38), task)
        redis.call('LSET', held, i - 1, '')
        returned = returned + 1
    end
end
if returned > 0 then
    redis.call('PUBLISH', prefix .. 'wake', 'ready')
end
return returned
