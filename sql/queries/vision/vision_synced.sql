-- Something of a country was copied. $1 bigint workspace. No row.
UPDATE registry.workspace SET vision_last_synced = clock_timestamp() WHERE id = $1::bigint
