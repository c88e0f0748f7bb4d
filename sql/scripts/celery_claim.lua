#!lua flags=allow-oom
-- Claim up to ARGV[1] messages of a Celery queue: pop and hold them in one step, so that no crash in between can lose one.
-- KEYS: unacked, unacked_index, the list for what is set aside, the set of tags that are not tasks yet, then the queue's lists, most
--       urgent first.
-- ARGV: how many, a prefix for tags that nobody else uses, how many set aside messages are kept, '1' to leave messages of other names for
--       other workers, the queue, then the names this worker has.
-- Answers {claimed: {tag, message, tag, message, …}, set aside, left for others}, or WRONGTYPE before anything is popped.
--
-- A tag of our own, not the producer's: two messages may have the same, and a tag that is gone tells that somebody took the message back.
local wanted, prefix, keep, picky = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local names, queue = {}, cjson.encode(ARGV[5])
for i = 6, #ARGV do names[ARGV[i]] = true end

if redis.call('EXISTS', unpack(KEYS, 5)) == 0 then return {{}, 0, 0} end

-- What fails after a pop would lose what was popped.
local kinds = {'hash', 'zset', 'list', 'set'}
for i, key in ipairs(KEYS) do
    local kind = redis.call('TYPE', key).ok
    if kind ~= 'none' and kind ~= (kinds[i] or 'list') then
        return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. kind .. ', not a ' .. (kinds[i] or 'list'))
    end
end

local now = redis.call('TIME')
local score = now[1] .. '.' .. string.format('%06d', now[2])
local message_max, claim_max = 16777216, 16777216 -- bytes: what is longer is never read, what is more waits for the next claim
local claimed, held, scored, taking, aside, left, bytes = {}, {}, {}, {}, 0, 0, 0

local function set_aside(message, reason)
    redis.call('LPUSH', KEYS[3], now[1] .. ' ' .. string.gsub(reason, '%c', ' ') .. '\n' .. message)
    redis.call('LTRIM', KEYS[3], 0, keep - 1)
    aside = aside + 1
end

-- The name of its task, when one look tells: the word stands in it once. Reading a message costs more than all else here, and whoever claims reads
-- it anyway.
local function name_at_a_glance(message)
    local first, last = string.find(message, '"task"', 1, true)
    if not first or string.byte(message) ~= 123 or string.byte(message, -1) ~= 125 then return nil end
    if string.byte(message, first - 1) == 92 or string.find(message, '"task"', last, true) then return nil end
    return string.match(message, '^%s*:%s*"([^"\\]*)"', last + 1)
end

-- What the restore of kombu needs beside the message: {exchange, routing key}; nil and a reason when it could not read it.
local function address(message)
    local good, envelope = pcall(cjson.decode, message)
    if not good or type(envelope) ~= 'table' then
        return nil, 'the message is not a JSON object'
    end
    local properties = envelope.properties
    local info = type(properties) == 'table' and properties.delivery_info
    if type(info) ~= 'table' or type(info.exchange) ~= 'string' or type(info.routing_key) ~= 'string' then
        return nil, 'properties.delivery_info is missing, or its exchange or routing_key is'
    end
    local headers = envelope.headers
    return info, nil, type(headers) == 'table' and type(headers.task) == 'string' and headers.task or nil
end

local function note(message, exchange, key)
    local tag = prefix .. #taking
    held[#held + 1] = tag
    held[#held + 1] = '[' .. message .. ',' .. exchange .. ',' .. key .. ']'
    scored[#scored + 1] = score
    scored[#scored + 1] = tag
    taking[#taking + 1] = tag
    claimed[#claimed + 1] = tag
    claimed[#claimed + 1] = message
    bytes = bytes + #message
end

-- Without an exchange kombu puts a message back where it came from.
local function look_at(message, back)
    if #message > message_max then return set_aside(message, 'the message is longer than ' .. message_max .. ' bytes') end
    local name, info, reason = name_at_a_glance(message), nil, nil
    if name and (not picky or names[name]) then return note(message, '""', queue) end
    info, reason, name = address(message)
    if not info then return set_aside(message, reason) end
    if picky and name and not names[name] then
        back[#back + 1] = message
        left = left + 1
    else
        note(message, cjson.encode(info.exchange), cjson.encode(info.routing_key))
    end
end

-- Of each list as many are popped as are wanted, and again in place of those that were not taken, so long as those are few.
for i = 5, #KEYS do
    local back = {}
    repeat
        local room = bytes < claim_max and wanted - #taking or 0
        local popped = room > 0 and redis.call('RPOP', KEYS[i], room) or {}
        for _, message in ipairs(popped) do
            if bytes < claim_max then
                look_at(message, back)
            else
                back[#back + 1] = message
            end
        end
    until #popped < room or room <= 0 or #back >= 100
    for j = #back, 1, -1 do redis.call('RPUSH', KEYS[i], back[j]) end
end
if #taking > 0 then
    redis.call('HSET', KEYS[1], unpack(held))
    redis.call('ZADD', KEYS[2], unpack(scored))
    redis.call('SADD', KEYS[4], unpack(taking))
end
return {claimed, aside, left}
