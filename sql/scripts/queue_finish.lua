#!lua flags=allow-oom
-- Say what became of tasks of one claim. What is no longer held is left alone, so that a call whose answer was lost can be repeated. Answers 1,
-- or 0 when the lease is over and others have the tasks.
-- KEYS[1] the queue's prefix; ARGV: the holder, '1' when nothing of the claim is left, then four a task: its place, what, an argument, a text
--   done    it is gone; argument: its unique key ('': none)
--   failed  it is gone, and the text is kept until PostgreSQL has it; argument: as above
--   later   the text, which is the task, is due at the argument, in ms
--   front   it goes back to where it stood
local prefix, holder = KEYS[1], ARGV[1]
if not redis.call('ZSCORE', prefix .. 'leases', holder) then
    return 0
end
local held = prefix .. 'held:' .. holder
local returned = false
for i = 3, #ARGV, 4 do
    local place, what, argument, text = ARGV[i] - 1, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    local task = redis.call('LINDEX', held, place)
    if task and task ~= '' then
        if what == 'later' then
            redis.call('ZADD', prefix .. 'delayed', argument, text)
        elseif what == 'front' then
            redis.call('LPUSH', prefix .. 'ready:' .. task:sub(38, 38), task)
            returned = true
        else
            if argument ~= '' and redis.call('HGET', prefix .. 'unique', argument) == task:sub(1, 36) then
                redis.call('HDEL', prefix .. 'unique', argument)
            end
            if what == 'failed' then
                redis.call('RPUSH', prefix .. 'failed', text)
                redis.call('PUBLISH', prefix .. 'wake', 'failed')
            end
        end
        redis.call('LSET', held, place, '')
    end
end
if ARGV[2] == '1' then
    redis.call('DEL', held)
    redis.call('ZREM', prefix .. 'leases', holder)
end
if returned then
    redis.call('PUBLISH', prefix .. 'wake', 'ready')
end
return 1
