#!lua flags=allow-oom
-- Put claimed messages back into their queue, as they were and to be next. KEYS: unacked, unacked_index, the set of tags that are not tasks
-- yet, then the queue's lists. ARGV: how many steps, the step of each list, then tags. Answers how many were still held.
local steps = tonumber(ARGV[1])
local count = 0

local function list_of(envelope)
    local properties = envelope.properties
    local priority = type(properties) == 'table' and tonumber(properties.priority) or 0
    local list = KEYS[4]
    for i = 1, steps do
        if tonumber(ARGV[i + 1]) <= priority then list = KEYS[3 + i] end
    end
    return list
end

-- Its list, and the message. One that is not JSON goes where it is found to be so.
local function as_it_was(held)
    local good, parts = pcall(cjson.decode, held)
    if not good then return KEYS[4], string.match(held, '^%[(.*),"[^"]*","[^"]*"%]$') or held end
    local behind = ',' .. cjson.encode(parts[2]) .. ',' .. cjson.encode(parts[3]) .. ']'
    return list_of(parts[1]), string.sub(held, 2, -1 - #behind)
end

for i = steps + 2, #ARGV do
    local tag = ARGV[i]
    local held = redis.call('HGET', KEYS[1], tag)
    if held then
        local list, message = as_it_was(held)
        redis.call('RPUSH', list, message)
        redis.call('HDEL', KEYS[1], tag)
        count = count + 1
    end
    redis.call('ZREM', KEYS[2], tag)
    redis.call('SREM', KEYS[3], tag)
end
return count
