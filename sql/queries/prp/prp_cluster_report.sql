-- A report for each period of the staged indicators of clusters that has begun since their last report: weeks, months, quarters of the calendar, or up to each
-- of the days that are set. Without a report the first period begins where reporting does, or else with the one that it is now. $1 bigint record or NULL for all.
WITH indicators AS (
    SELECT s.record, (s.data->>'today')::date AS today, i.id, i.frequency IS NOT DISTINCT FROM 'Csd' AS by_days, i.cs_dates, coalesce(b.title, '') AS title,
           CASE i.frequency WHEN 'Wee' THEN 'week' WHEN 'Qua' THEN 'quarter' ELSE 'month' END AS unit,
           CASE i.frequency WHEN 'Wee' THEN interval '7 days' WHEN 'Qua' THEN interval '3 months' ELSE interval '1 month' END AS length,
           coalesce((SELECT max(x.time_period_end) + 1 FROM registry.indicator_report x WHERE x.reportable_id = i.id AND x.progress_report_id IS NULL),
                    i.start_date_of_reporting_period) AS begins
      FROM drumbeat_stage s JOIN registry.reportable i ON i.id = (s.data->>'id')::bigint LEFT JOIN registry.indicator_blueprint b ON b.id = i.blueprint_id
     WHERE s.kind = 'indicator' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), periods AS (
    SELECT n.record, n.id, n.title, n.today, greatest(p.first::date, n.begins) AS first, (p.first + n.length)::date - 1 AS last
      FROM indicators n
      CROSS JOIN LATERAL generate_series(date_trunc(n.unit, coalesce(n.begins, n.today)::timestamp), n.today::timestamp, n.length) AS p(first)
     WHERE NOT n.by_days
    UNION ALL
    SELECT n.record, n.id, n.title, n.today, coalesce(lag(d.day) OVER (PARTITION BY n.id ORDER BY d.day) + 1, n.begins, d.day), d.day
      FROM indicators n CROSS JOIN LATERAL (SELECT DISTINCT unnest(n.cs_dates) AS day) d
     WHERE n.by_days AND (n.begins IS NULL OR d.day >= n.begins)
), written AS (
    INSERT INTO registry.indicator_report (reportable_id, title, time_period_start, time_period_end, due_date)
    SELECT id, title, first, last, last + 1 FROM periods WHERE first <= today AND first <= last ORDER BY id, first
    RETURNING reportable_id
)
SELECT n.record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written w JOIN indicators n ON n.id = w.reportable_id GROUP BY n.record
