-- Write results and tell those who wait for them. A SUCCESS is never replaced: it is told again.
-- KEYS: celery-task-meta-… ARGV: seconds they are kept (0: for ever), then a result for each key.
for i, key in ipairs(KEYS) do
    local result = ARGV[i + 1]
    local before = redis.call('GET', key)
    local good, meta = pcall(cjson.decode, before or '')
    if good and type(meta) == 'table' and meta.status == 'SUCCESS' then
        result = before
    elseif ARGV[1] == '0' then
        redis.call('SET', key, result)
    else
        redis.call('SETEX', key, ARGV[1], result)
    end
    redis.call('PUBLISH', key, result)
end
return redis.status_reply('OK')
