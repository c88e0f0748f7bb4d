#!lua flags=allow-oom
-- Acknowledge messages that nothing follows. KEYS: unacked, unacked_index. ARGV: tags.
redis.call('ZREM', KEYS[2], unpack(ARGV))
return redis.call('HDEL', KEYS[1], unpack(ARGV))
