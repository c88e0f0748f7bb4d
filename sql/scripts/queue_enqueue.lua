#!lua
-- Put tasks into a queue whose tasks are in Redis alone (docs/redis.md draws its keys). Answers one text a task: '' when it is there, or the
-- id of the task that holds its unique key.
-- KEYS[1] the queue's prefix; ARGV, three a task: the moment it is due in ms (0: now), its unique key ('': none), the task
local prefix = KEYS[1]
local answers, woken, soonest = {}, false, nil
for i = 1, #ARGV, 3 do
    local due, key, task = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local holder = key ~= '' and redis.call('HGET', prefix .. 'unique', key)
    if holder then
        answers[#answers + 1] = holder
    else
        if key ~= '' then
            redis.call('HSET', prefix .. 'unique', key, task:sub(1, 36))
        end
        if due == '0' then
            woken = redis.call('RPUSH', prefix .. 'ready:' .. task:sub(38, 38), task) == 1 or woken
        else
            redis.call('ZADD', prefix .. 'delayed', due, task)
            soonest = true
        end
        answers[#answers + 1] = ''
    end
end
-- Whoever empties a list claims again before it waits, and wakes the next one when there is more: only the first task needs a bell.
if woken or soonest then
    redis.call('PUBLISH', prefix .. 'wake', soonest and 'delayed' or 'ready')
end
return answers
