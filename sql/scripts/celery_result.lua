-- Write results and tell those who wait for them. A SUCCESS is never replaced: it is told again. What is no result at all is.
-- KEYS: celery-task-meta-… ARGV: seconds they are kept (0: for ever), then a result for each key.
local function succeeded(result)
    local good, meta = pcall(cjson.decode, result)
    return good and type(meta) == 'table' and meta.status == 'SUCCESS'
end

for i, key in ipairs(KEYS) do
    local result = ARGV[i + 1]
    local before = redis.pcall('GET', key)
    if type(before) == 'string' and succeeded(before) then
        result = before
    elseif ARGV[1] == '0' then
        redis.call('SET', key, result)
    else
        redis.call('SETEX', key, ARGV[1], result)
    end
    redis.call('PUBLISH', key, result)
end
return redis.status_reply('OK')
