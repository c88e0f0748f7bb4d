-- Every limit with what it holds. `used` and `waiting` are NULL for limits of many keys.
SELECT kind, name, "limit", rate, used, waiting, origin FROM drumbeat.limit_use ORDER BY kind, name LIMIT 10000
