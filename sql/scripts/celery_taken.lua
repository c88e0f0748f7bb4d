#!lua flags=allow-oom
-- Messages are tasks now. KEYS: unacked, unacked_index, the set of tags that are not tasks yet. ARGV: how many tags, those tags, then tags
-- to acknowledge.
local count = tonumber(ARGV[1])
if count > 0 then redis.call('SREM', KEYS[3], unpack(ARGV, 2, count + 1)) end
if #ARGV > count + 1 then
    redis.call('ZREM', KEYS[2], unpack(ARGV, count + 2))
    redis.call('HDEL', KEYS[1], unpack(ARGV, count + 2))
end
return redis.status_reply('OK')
