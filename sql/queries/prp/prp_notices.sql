-- Write the notices that are missing, one a report and person. $1 text template, 'due' or 'overdue' reports; $2 date today; $3 integer: tell of what
-- is due up to so many days ahead; $4 text the sender. One row: `made`.
WITH reports AS (
    SELECT r.id, r.report_type, r.report_number, r.due_date, d.id AS document_id, d.reference_number, d.title, p.title AS partner
      FROM registry.progress_report r
      JOIN registry.programme_document d ON d.id = r.programme_document_id AND d.is_active
      LEFT JOIN registry.partner p ON p.id = d.partner_id
     WHERE r.submission_date IS NULL
       AND CASE $1::text WHEN 'ip_due_reports' THEN r.status = 'Due' AND r.due_date BETWEEN $2::date AND $2::date + $3::integer
                         ELSE r.status = 'Ove' AND r.due_date < $2::date END
), made AS (
    INSERT INTO registry.notification (template_name, template_data, recipients, from_address, subject, text, progress_report_id, due_date)
    SELECT $1::text,
           jsonb_build_object('report', r.report_type || ' ' || r.report_number, 'due_date', r.due_date, 'reference_number', r.reference_number,
                              'title', r.title, 'partner', r.partner, 'person', h.name),
           ARRAY[h.email::text], $4::text,
           left(format(CASE $1::text WHEN 'ip_due_reports' THEN 'Report %s %s of %s is due on %s' ELSE 'Report %s %s of %s is overdue since %s' END,
                       r.report_type, r.report_number, r.reference_number, r.due_date), 255),
           format(E'Dear %s,\n\nthe progress report %s %s of %s (%s)%s %s %s.\n', coalesce(nullif(h.name, ''), h.email), r.report_type, r.report_number,
                  r.reference_number, r.title, coalesce(' by ' || r.partner, ''),
                  CASE $1::text WHEN 'ip_due_reports' THEN 'is due on' ELSE 'was due on' END, r.due_date) ||
           CASE $1::text WHEN 'ip_due_reports' THEN '' ELSE E'It has not been submitted.\n' END,
           r.id, r.due_date
      FROM reports r
      JOIN registry.programme_document_unicef_focal_point f ON f.programme_document_id = r.document_id AND f.active
      JOIN registry.person h ON h.id = f.person_id AND h.active
     ORDER BY r.due_date, r.id, h.email
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT count(*) AS made FROM made
