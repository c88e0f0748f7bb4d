-- The next mail of template $1 text behind row $2 bigint: not yet sent, not given up, about a report that is still open. `left_over` counts it
-- and those behind it. No row: none.
SELECT n.id, n.recipients[1], n.from_address, n.subject, n.text, count(*) OVER () AS left_over
  FROM registry.notification n
  JOIN registry.progress_report r ON r.id = n.progress_report_id AND r.submission_date IS NULL AND r.due_date = n.due_date
 WHERE n.template_name = $1::text AND n.id > $2::bigint AND n.sent_at IS NULL AND n.attempts >= 0
   AND (n.template_name <> 'ip_due_reports' OR r.status = 'Due')
 ORDER BY n.id LIMIT 1
