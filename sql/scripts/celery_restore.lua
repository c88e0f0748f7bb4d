#!lua flags=allow-oom
-- Put messages of a queue back that nobody has kept fresh for the visibility time-out: who held them is gone. As kombu does it, for fleets
-- in which no worker of Celery is left to do so. Ours are not among them: a courier keeps those fresh, and puts them back itself.
-- KEYS: unacked, unacked_index, then the queue's lists. ARGV: queue, time-out in seconds, the step of each list. Answers how many.
local now = redis.call('TIME')
local count = 0
for _, tag in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now[1] - ARGV[2], 'LIMIT', 0, 200)) do
    local held = string.sub(tag, 1, 9) ~= 'drumbeat:' and redis.call('HGET', KEYS[1], tag)
    local good, parts = pcall(cjson.decode, held or '')
    if good and type(parts) == 'table' and parts[3] == ARGV[1] and (parts[2] == '' or parts[2] == ARGV[1]) and type(parts[1]) == 'table' then
        local properties = parts[1].properties
        local priority = type(properties) == 'table' and tonumber(properties.priority) or 0
        local list = KEYS[3]
        for i = 3, #KEYS do
            if tonumber(ARGV[i]) <= priority then list = KEYS[i] end
        end
        local behind = '%s*,%s*"' .. parts[2] .. '"%s*,%s*"' .. parts[3] .. '"%s*%]$'
        local message = string.match(held, '^%[(.*)' .. string.gsub(behind, '[.-]', '%%%0'))
        if message then
            redis.call('RPUSH', list, message)
            redis.call('HDEL', KEYS[1], tag)
            redis.call('ZREM', KEYS[2], tag)
            count = count + 1
        end
    end
end
return count
