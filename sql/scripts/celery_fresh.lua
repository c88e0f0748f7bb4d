#!lua flags=allow-oom
-- Say that messages are still held, so that no worker of Celery takes them back. Answers the tags that are gone: somebody did.
-- KEYS: unacked, unacked_index. ARGV: tags.
local now = redis.call('TIME')
local score = now[1] .. '.' .. string.format('%06d', now[2])
local gone = {}
for _, tag in ipairs(ARGV) do
    if redis.call('HEXISTS', KEYS[1], tag) == 1 then
        redis.call('ZADD', KEYS[2], score, tag)
    else
        gone[#gone + 1] = tag
    end
end
return gone
