#!lua flags=allow-oom
-- Take back what a seat held whose child has died, or what is held under leases that are over. The task that was running when the child died is
-- charged an attempt and a death; under a lease that is over each task is charged a death, and the only one of a claim an attempt.
-- The others go back to where they stood. One without attempts left, or with too many deaths, goes to the failed ones. Answers how many.
-- KEYS[1] the queue's prefix; ARGV: the queue, the seat with '/' behind it ('': leases that are over), the task that was running ('': none),
--   then of its end: outcome, error, started and ended in us, signal, exit code, memory, processor ms; most deaths; the holder that told how far it
--   was ('': none), and '1' at the places of those that were a success and are gone
local prefix, queue, seat, running = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local deaths_max = tonumber(ARGV[12])
local teller, marks = ARGV[13], ARGV[14]

local function free(id, unique)
    if unique ~= '' and redis.call('HGET', prefix .. 'unique', unique) == id then
        redis.call('HDEL', prefix .. 'unique', unique)
    end
end

local function fail(task, attempt, died)
    local id, priority, _, allowed, _, ready, expires, name, tenant, unique, args =
        task:match('^([^\t]+)\t(%d)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t(%d+)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$')
    local why = ARGV[5]
    if died >= deaths_max then
        why = 'set aside after ' .. died .. ' deaths: ' .. why
    end
    redis.call('RPUSH', prefix .. 'failed', cjson.encode({
        id = id, queue = queue, name = name, priority = priority, allowed = allowed, attempt = tostring(attempt), ready = ready, expires = expires,
        tenant = tenant, unique = unique, args = args, status = 'ERRORED', outcome = ARGV[4], error = why, started = ARGV[6], ended = ARGV[7],
        signal = ARGV[8], exit = ARGV[9], rss = ARGV[10], cpu = ARGV[11], fence = '0'}))
    free(id, unique)
end

local function charge(task, attempts)
    local id, priority, attempt, allowed, died, rest = task:match('^([^\t]+)\t(%d)\t(%d+)\t(%d+)\t(%d+)\t(.*)$')
    attempt, died = attempt + attempts, died + 1
    if attempt >= tonumber(allowed) or died >= deaths_max then
        fail(task, attempt, died)
    else
        redis.call('RPUSH', prefix .. 'ready:' .. priority, table.concat({id, priority, attempt, allowed, died, rest}, '\t'))
    end
end

local holders
if seat == '' then
    holders = redis.call('ZRANGEBYSCORE', prefix .. 'leases', '-inf', now - 1, 'LIMIT', 0, 10)
else
    holders = {}
    for _, holder in ipairs(redis.call('ZRANGE', prefix .. 'leases', 0, -1)) do
        if holder:sub(1, #seat) == seat then
            holders[#holders + 1] = holder
        end
    end
end
local count = 0
for _, holder in ipairs(holders) do
    local tasks = redis.call('LRANGE', prefix .. 'held:' .. holder, 0, -1)
    for i = #tasks, 1, -1 do
        local task = tasks[i]
        if task ~= '' and holder == teller and marks:sub(i, i) == '1' then
            free(task:sub(1, 36), task:match('^' .. ('[^\t]*\t'):rep(9) .. '([^\t]*)\t'))
        elseif task ~= '' then
            count = count + 1
            if seat == '' then
                charge(task, #tasks == 1 and 1 or 0)
            elseif task:sub(1, 36) == running then
                charge(task, 1)
            else
                redis.call('LPUSH', prefix .. 'ready:' .. task:sub(38, 38), task)
            end
        end
    end
    redis.call('DEL', prefix .. 'held:' .. holder)
    redis.call('ZREM', prefix .. 'leases', holder)
end
if count > 0 then
    redis.call('PUBLISH', prefix .. 'wake', 'ready')
end
return count
