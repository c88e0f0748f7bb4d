#!lua flags=allow-oom
-- Set a claimed message aside, with the reason. KEYS: unacked, unacked_index, the list, the set of tags that are not
-- tasks yet. ARGV: tag, message, reason, how many are kept.
local now = redis.call('TIME')
redis.call('LPUSH', KEYS[3], now[1] .. ' ' .. string.gsub(ARGV[3], '%c', ' ') .. '\n' .. ARGV[2])
redis.call('LTRIM', KEYS[3], 0, tonumber(ARGV[4]) - 1)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('SREM', KEYS[4], ARGV[1])
return redis.status_reply('OK')
