-- Where the history stands. One row: shelves; seconds for which the last one still lasts (negative: it is over); tasks that stand on no shelf
-- (counted up to 100000); and the prune under way: tasks it looked at and kept (NULL: none).
SELECT count(*) AS shelves, coalesce(extract(epoch FROM max(s.to_at) - clock_timestamp()), 0)::bigint AS ahead,
       (SELECT count(*) FROM (SELECT FROM drumbeat.task_body_rest LIMIT 100000) r) AS rest,
       (SELECT p.seen FROM drumbeat.pruning p) AS seen, (SELECT p.kept FROM drumbeat.pruning p) AS kept
  FROM drumbeat.shelf s
