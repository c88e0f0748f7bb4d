#!lua flags=allow-oom
-- Claim up to so many tasks, by priority. Answers the fence, then '1' or '' for each whether its end was asked for, then the tasks; nothing at
-- all when there is none. A task that killed a process before is claimed alone.
-- KEYS[1] the queue's prefix; ARGV: the seat, how many, the lease in ms, most that run at once (0: any number)
local prefix, seat, wanted, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('HEXISTS', prefix .. 'state', 'paused') == 1 then
    return {}
end
if most > 0 then
    for _, holder in ipairs(redis.call('ZRANGE', prefix .. 'leases', 0, -1)) do
        for _, task in ipairs(redis.call('LRANGE', prefix .. 'held:' .. holder, 0, -1)) do
            most = most - (task ~= '' and 1 or 0)
        end
    end
    wanted = math.min(wanted, most)
end
local pop = {'LMPOP', 10}
for priority = 0, 9 do
    pop[#pop + 1] = prefix .. 'ready:' .. priority
end
pop[#pop + 1] = 'LEFT'
pop[#pop + 1] = 'COUNT'
local count = #pop + 1
local tasks = {}
while #tasks < wanted do
    pop[count] = wanted - #tasks
    local popped = redis.call(unpack(pop))
    if not popped then
        break
    end
    local list, taken = popped[1], popped[2]
    for i = 1, #taken do
        local deaths = taken[i]:match('^[^\t]+\t%d\t%d+\t%d+\t(%d+)')
        if deaths ~= '0' and #tasks > 0 then
            for j = #taken, i, -1 do
                redis.call('LPUSH', list, taken[j])
            end
            wanted = #tasks
            break
        end
        tasks[#tasks + 1] = taken[i]
        if deaths ~= '0' then
            for j = #taken, i + 1, -1 do
                redis.call('LPUSH', list, taken[j])
            end
            wanted = 1
            break
        end
    end
end
if #tasks == 0 then
    return {}
end
local fence = redis.call('HINCRBY', prefix .. 'state', 'fence', 1)
local holder = seat .. '/' .. fence
redis.call('RPUSH', prefix .. 'held:' .. holder, unpack(tasks))
redis.call('ZADD', prefix .. 'leases', now + ARGV[3], holder)
local asked = ''
if redis.call('EXISTS', prefix .. 'cancelled') == 1 then
    local marks = {}
    for i = 1, #tasks do
        marks[i] = redis.call('SREM', prefix .. 'cancelled', tasks[i]:sub(1, 36))
    end
    asked = table.concat(marks)
end
return {fence, asked, unpack(tasks)}
