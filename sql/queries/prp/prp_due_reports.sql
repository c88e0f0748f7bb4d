-- Bring the status of reports that nobody has handed in up to date: the next $2 bigint rows behind row $1 bigint of what $3 text names, 'progress'
-- or 'indicator'; $4 date: today. One row: `last` row looked at (NULL: none), `seen`, `changed`, `words` (of at most 100 of the changed).
-- Overdue is what is past its day, not due what has not ended, due the rest; a special report can be due before anything ends.
WITH looked AS (
    (SELECT 'progress' AS kind, r.id, r.status AS was, r.due_date, r.due_date AS new_due_date, r.end_date, r.report_type = 'SR' AS special
       FROM registry.progress_report r
      WHERE $3::text = 'progress' AND r.id > $1::bigint AND r.submission_date IS NULL AND r.status IN ('Due', 'Ove', 'Not')
      ORDER BY r.id LIMIT $2::bigint)
    UNION ALL
    (SELECT 'indicator', i.id, i.report_status, i.due_date, coalesce(i.due_date, i.time_period_end + 15), i.time_period_end, false
       FROM registry.indicator_report i
      WHERE $3::text = 'indicator' AND i.id > $1::bigint AND i.submission_date IS NULL AND i.report_status IN ('Due', 'Ove', 'Not')
      ORDER BY i.id LIMIT $2::bigint)
), judged AS (
    SELECT *, CASE WHEN new_due_date < $4::date THEN 'Ove' WHEN special OR end_date <= $4::date OR end_date IS NULL THEN 'Due' ELSE 'Not' END AS now
      FROM looked
), progress AS (
    UPDATE registry.progress_report r SET status = j.now
      FROM judged j WHERE j.kind = 'progress' AND r.id = j.id AND j.now <> j.was
    RETURNING r.id, j.now
), indicator AS (
    UPDATE registry.indicator_report i SET report_status = j.now, due_date = j.new_due_date
      FROM judged j WHERE j.kind = 'indicator' AND i.id = j.id AND (j.now <> j.was OR j.due_date IS NULL)
    RETURNING i.id, j.now
), changed AS (
    SELECT * FROM progress UNION ALL SELECT * FROM indicator
)
SELECT max(l.id) AS last, count(*) AS seen, (SELECT count(*) FROM changed) AS changed,
       (SELECT string_agg(format('(%s for ID %s)', CASE now WHEN 'Ove' THEN 'Overdue' WHEN 'Due' THEN 'Due' ELSE 'Not due' END, id), ', ' ORDER BY id)
          FROM (SELECT * FROM changed ORDER BY id LIMIT 100) head) AS words
  FROM looked l
