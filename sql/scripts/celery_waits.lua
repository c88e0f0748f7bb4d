#!lua flags=allow-oom
-- How messages stand that were pushed with a mark (celery_push). KEYS: for each message its mark and its list. ARGV: how many seconds marks are
-- kept. Answers for each: 'waits' (perhaps), 'taken' (its list is empty), 'lost' (Redis does not remember that it was pushed).
local answer = {}
for i = 1, #KEYS, 2 do
    local left = redis.call('TTL', KEYS[i])
    if left < 0 then
        answer[#answer + 1] = 'lost'
    else
        if left < tonumber(ARGV[1]) / 2 then redis.call('EXPIRE', KEYS[i], ARGV[1]) end
        answer[#answer + 1] = redis.call('EXISTS', KEYS[i + 1]) == 1 and 'waits' or 'taken'
    end
end
return answer
