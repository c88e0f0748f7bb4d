-- The migrations that have run, in their order, with a digest of what they were. NULL: the table is of a time when none was kept.
SELECT m.name, to_jsonb(m) ->> 'digest' AS digest FROM drumbeat.migration m ORDER BY m.name
