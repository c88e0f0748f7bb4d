#!lua flags=allow-oom
-- Do something with one message that was set aside, or with all. KEYS: the list of those, the queue's list. ARGV: 'release' (back into the queue, as it was) or 'drop',
-- the element as it was read, or none for all. Answers how many.
local count = 0
local function move(element)
    if redis.call('LREM', KEYS[1], 1, element) == 1 then
        if ARGV[1] == 'release' then redis.call('LPUSH', KEYS[2], string.sub(element, string.find(element, '\n', 1, true) + 1)) end
        count = count + 1
    end
end
if ARGV[2] then
    move(ARGV[2])
else
    for _, element in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do move(element) end
end
return count
