#!lua flags=allow-oom
-- What a worker does for a queue now and then: renew its leases, make due tasks ready. Answers how many were made ready, how many are ready now,
-- how many leases are over, in how many ms the next task is due (-1: none), and how many failed ones wait for PostgreSQL; nothing at all of
-- an empty queue, which costs one look.
-- KEYS[1] the queue's prefix; ARGV: the worker, the lease in ms, '1' when the queue is paused ('' when it is not any more, '-' nothing new),
--   most to make ready, then what the worker's seats hold: "<seat>/<fence>". A claim whose answer was lost is nobody's: it is not renewed.
local prefix, worker = KEYS[1], ARGV[1]
if ARGV[3] == '1' then
    redis.call('HSET', prefix .. 'state', 'paused', 1)
elseif ARGV[3] == '' then
    redis.call('HDEL', prefix .. 'state', 'paused')
end
local lists = {prefix .. 'delayed', prefix .. 'leases', prefix .. 'failed'}
for priority = 0, 9 do
    lists[#lists + 1] = prefix .. 'ready:' .. priority
end
if redis.call('EXISTS', unpack(lists)) == 0 then
    return {}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 5, #ARGV do
    redis.call('ZADD', prefix .. 'leases', 'XX', now + ARGV[2], worker .. '/' .. ARGV[i])
end
local due = redis.call('ZRANGEBYSCORE', prefix .. 'delayed', '-inf', now, 'LIMIT', 0, ARGV[4])
for _, task in ipairs(due) do
    redis.call('RPUSH', prefix .. 'ready:' .. task:sub(38, 38), task)
end
if #due > 0 then
    redis.call('ZREM', prefix .. 'delayed', unpack(due))
end
local ready = 0
for i = 4, #lists do
    ready = ready + redis.call('LLEN', lists[i])
end
local next = redis.call('ZRANGE', prefix .. 'delayed', 0, 0, 'WITHSCORES')
return {#due, ready, redis.call('ZCOUNT', prefix .. 'leases', '-inf', now - 1), next[2] and math.max(0, next[2] - now) or -1,
        redis.call('LLEN', prefix .. 'failed')}
