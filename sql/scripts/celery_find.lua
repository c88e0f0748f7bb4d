#!lua flags=allow-oom
-- Which of these messages are anywhere: in a queue's lists, or held by somebody. KEYS: unacked, then lists. ARGV: ids. Answers those that were
-- found. It reads everything: ask only for what Redis may have lost.
local wanted, found = {}, {}
for _, id in ipairs(ARGV) do wanted[id] = true end

local function look(message)
    for id in string.gmatch(message, '"id"%s*:%s*"([^"]*)"') do
        if string.find(id, '\\', 1, true) then
            local good, plain = pcall(cjson.decode, '["' .. id .. '"]')
            if good then id = plain[1] end
        end
        if wanted[id] then
            wanted[id] = nil
            found[#found + 1] = id
        end
    end
end

for _, held in ipairs(redis.call('HVALS', KEYS[1])) do look(held) end
for i = 2, #KEYS do
    local length = redis.call('LLEN', KEYS[i])
    for first = 0, length - 1, 1000 do
        for _, message in ipairs(redis.call('LRANGE', KEYS[i], first, first + 999)) do look(message) end
    end
end
return found
