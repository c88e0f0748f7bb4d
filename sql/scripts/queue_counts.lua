#!lua flags=no-writes,allow-oom
-- How many tasks of a queue are ready, delayed, held and failed, and since when the oldest could run, in us (0: none).
-- KEYS[1] the queue's prefix
local prefix = KEYS[1]
local ready, held, oldest = 0, 0, 0
for priority = 0, 9 do
    local list = prefix .. 'ready:' .. priority
    ready = ready + redis.call('LLEN', list)
    local first = redis.call('LINDEX', list, 0)
    local since = first and tonumber(first:match('^[^\t]+\t%d\t%d+\t%d+\t%d+\t(%d+)')) or 0
    if since > 0 and (oldest == 0 or since < oldest) then
        oldest = since
    end
end
for _, holder in ipairs(redis.call('ZRANGE', prefix .. 'leases', 0, -1)) do
    for _, task in ipairs(redis.call('LRANGE', prefix .. 'held:' .. holder, 0, -1)) do
        held = held + (task ~= '' and 1 or 0)
    end
end
return {ready, redis.call('ZCARD', prefix .. 'delayed'), held, redis.call('LLEN', prefix .. 'failed'), string.format('%.0f', oldest)}
