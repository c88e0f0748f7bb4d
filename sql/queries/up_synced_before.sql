-- Has any sync ever run? No row: the registry is empty.
SELECT 1 FROM registry.sync_log LIMIT 1
