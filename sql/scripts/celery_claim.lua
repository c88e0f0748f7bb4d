#!lua flags=allow-oom
-- Claim up to ARGV[1] messages of a Celery queue: pop and hold them in one step, so that no crash in between can lose one.
-- KEYS: unacked, unacked_index, the list for what is set aside, the set of tags that are not tasks yet, then the queue's lists, most
--       urgent first.
-- ARGV: how many, a prefix for tags that nobody else uses, how many set aside messages are kept, '1' to leave messages of other names for
--       other workers, then those names this worker has.
-- Answers {claimed: {tag, message, tag, message, …}, set aside, left for others}.
--
-- A tag of our own, not the producer's: two messages may have the same, and a tag that is gone tells that somebody took the message back.
local wanted, prefix, keep, picky = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local names = {}
for i = 5, #ARGV do names[ARGV[i]] = true end
local now = redis.call('TIME')
local score = now[1] .. '.' .. string.format('%06d', now[2])
local claimed, aside, left = {}, 0, 0

local function set_aside(message, reason)
    redis.call('LPUSH', KEYS[3], now[1] .. ' ' .. string.gsub(reason, '%c', ' ') .. '\n' .. message)
    redis.call('LTRIM', KEYS[3], 0, keep - 1)
    aside = aside + 1
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

local function hold(message, info)
    local tag = prefix .. (#claimed / 2)
    redis.call('HSET', KEYS[1], tag, '[' .. message .. ',' .. cjson.encode(info.exchange) .. ',' .. cjson.encode(info.routing_key) .. ']')
    redis.call('ZADD', KEYS[2], score, tag)
    redis.call('SADD', KEYS[4], tag)
    claimed[#claimed + 1] = tag
    claimed[#claimed + 1] = message
end

for i = 5, #KEYS do
    local room = wanted - #claimed / 2
    if room <= 0 then break end
    local popped = redis.call('RPOP', KEYS[i], picky and room + 100 or room) or {}
    local back = {}
    for _, message in ipairs(popped) do
        local full = #claimed / 2 >= wanted
        local info, reason, name = nil, nil, nil
        if not full then info, reason, name = address(message) end
        if full then
            back[#back + 1] = message
        elseif not info then
            set_aside(message, reason)
        elseif picky and name and not names[name] then
            back[#back + 1] = message
            left = left + 1
        else
            hold(message, info)
        end
    end
    for j = #back, 1, -1 do redis.call('RPUSH', KEYS[i], back[j]) end
end
return {claimed, aside, left}
