#!lua flags=allow-oom
-- Acknowledge a message and send what follows it, in one step. With a mark, what follows is sent once, however often this is called.
-- KEYS: unacked, unacked_index, the mark. ARGV: tag ('' for none), how many seconds the mark is kept, then pairs of a list and a message
-- to push to it.
if ARGV[1] ~= '' then
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('HDEL', KEYS[1], ARGV[1])
end
if #ARGV > 2 and redis.call('SET', KEYS[3], '1', 'NX', 'EX', ARGV[2]) then
    for i = 3, #ARGV, 2 do redis.call('LPUSH', ARGV[i], ARGV[i + 1]) end
end
return redis.status_reply('OK')
