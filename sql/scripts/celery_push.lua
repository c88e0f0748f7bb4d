#!lua
-- Push messages to the lists of their queues, each once, however often this is called: whoever pushed and then lost its transaction pushes
-- again. KEYS: for each message its mark, its list and the set of its exchange's bindings. ARGV: how many seconds marks are kept, then
-- for each message its text and its binding. Answers how many were new.
local pushed = 0
for i = 1, #KEYS / 3 do
    if redis.call('SET', KEYS[3 * i - 2], '1', 'NX', 'EX', ARGV[1]) then
        redis.call('SADD', KEYS[3 * i], ARGV[2 * i + 1])
        redis.call('LPUSH', KEYS[3 * i - 1], ARGV[2 * i])
        pushed = pushed + 1
    end
end
return pushed
