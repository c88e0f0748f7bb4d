#!lua
-- Ask for the end of a task: whoever claims it ends it, and a worker that runs it is told. Forgotten after a day. Answers nothing of use.
-- KEYS[1] the queue's prefix; ARGV: the id
local prefix = KEYS[1]
redis.call('SADD', prefix .. 'cancelled', ARGV[1])
redis.call('EXPIRE', prefix .. 'cancelled', 86400)
redis.call('PUBLISH', prefix .. 'wake', 'cancel ' .. ARGV[1])
return 1
