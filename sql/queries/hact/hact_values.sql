-- What was planned and done this year to be sure of each partner of a country that is not hidden. $1 bigint country, $2 date as which day, NULL: today in
-- UTC. One row: partners, of them written.
WITH year AS (
    SELECT date_trunc('year', d.day)::date AS first, (date_trunc('year', d.day) + interval '1 year')::date AS next
      FROM (SELECT coalesce($2::date, (now() AT TIME ZONE 'UTC')::date) AS day) d
), visits AS (
    SELECT v.partner_id, extract(quarter FROM v.completed_on) AS quarter FROM registry.programmatic_visit v, year y WHERE v.completed_on >= y.first AND v.completed_on < y.next
), reported AS (
    SELECT e.partner_id, e.engagement_type, extract(quarter FROM e.date_of_draft_report_to_ip) AS quarter
      FROM registry.engagement e, year y
     WHERE e.status <> 'cancelled' AND e.date_of_draft_report_to_ip >= y.first AND e.date_of_draft_report_to_ip < y.next
), findings AS (
    SELECT e.partner_id, sum(coalesce(e.financial_findings, 0) - coalesce(e.amount_refunded, 0) - coalesce(e.additional_supporting_documentation_provided, 0)
                             - coalesce(e.justification_provided_and_accepted, 0) - coalesce(e.write_off_required, 0)) AS outstanding
      FROM registry.engagement e, year y
     WHERE e.engagement_type = 'audit' AND e.status = 'final' AND e.date_of_draft_report_to_unicef >= y.first AND e.date_of_draft_report_to_unicef < y.next
     GROUP BY 1
), counted AS (
    SELECT r.*, v.visits_done, v.visits_total, c.checks_done, c.checks_total, c.audits_done, coalesce(f.outstanding, 0) AS outstanding,
           CASE WHEN r.organization_type = 'Government' THEN NULL ELSE w END AS plan
      FROM registry.hact_requirement r
      CROSS JOIN year y
      LEFT JOIN findings f ON f.partner_id = r.partner_id
      LEFT JOIN registry.planned_visits w ON w.partner_id = r.partner_id AND w.year = extract(year FROM y.first)
      CROSS JOIN LATERAL (SELECT jsonb_build_object('q1', count(*) FILTER (WHERE quarter = 1), 'q2', count(*) FILTER (WHERE quarter = 2),
                                                    'q3', count(*) FILTER (WHERE quarter = 3), 'q4', count(*) FILTER (WHERE quarter = 4), 'total', count(*)) AS visits_done,
                                 count(*) AS visits_total
                            FROM visits v WHERE v.partner_id = r.partner_id) v
      CROSS JOIN LATERAL (SELECT jsonb_build_object('q1', count(*) FILTER (WHERE engagement_type = 'sc' AND quarter = 1),
                                                    'q2', count(*) FILTER (WHERE engagement_type = 'sc' AND quarter = 2),
                                                    'q3', count(*) FILTER (WHERE engagement_type = 'sc' AND quarter = 3),
                                                    'q4', count(*) FILTER (WHERE engagement_type = 'sc' AND quarter = 4),
                                                    'total', count(*) FILTER (WHERE engagement_type = 'sc')) AS checks_done,
                                 count(*) FILTER (WHERE engagement_type = 'sc') AS checks_total,
                                 count(*) FILTER (WHERE engagement_type IN ('audit', 'sa')) AS audits_done
                            FROM reported e WHERE e.partner_id = r.partner_id) c
     WHERE r.country_id = $1::bigint
), fresh AS (
    SELECT p.id, CASE jsonb_typeof(p.hact_values) WHEN 'object' THEN p.hact_values ELSE '{}' END || jsonb_build_object(
               'audits', jsonb_build_object('minimum_requirements', c.audits, 'completed', c.audits_done),
               'spot_checks', jsonb_build_object('minimum_requirements', c.spot_checks, 'completed', c.checks_done,
                                                 'follow_up_required', coalesce(p.hact_values->'spot_checks'->'follow_up_required', '0')),
               'programmatic_visits', jsonb_build_object(
                   'minimum_requirements', c.visits, 'completed', c.visits_done,
                   'planned', jsonb_build_object('q1', coalesce((c.plan).programmatic_q1, 0), 'q2', coalesce((c.plan).programmatic_q2, 0),
                                                 'q3', coalesce((c.plan).programmatic_q3, 0), 'q4', coalesce((c.plan).programmatic_q4, 0),
                                                 'total', coalesce((c.plan).programmatic_q1 + (c.plan).programmatic_q2 + (c.plan).programmatic_q3 + (c.plan).programmatic_q4, 0))),
               'outstanding_findings', c.outstanding,
               'assurance_coverage', CASE WHEN c.visits_total + c.checks_total + c.audits_done = 0 THEN 'void'
                                          WHEN c.visits_total >= c.visits AND c.checks_total >= c.spot_checks AND c.audits_done >= c.audits THEN 'complete'
                                          ELSE 'partial' END) AS hact
      FROM counted c JOIN registry.partner_organization p ON p.id = c.partner_id
     WHERE NOT p.hidden
), written AS (
    UPDATE registry.partner_organization p SET hact_values = f.hact
      FROM (SELECT f.* FROM fresh f JOIN registry.partner_organization o ON o.id = f.id WHERE o.hact_values IS DISTINCT FROM f.hact ORDER BY o.organization_id FOR UPDATE OF o) f
     WHERE p.id = f.id
    RETURNING p.id
)
SELECT (SELECT count(*) FROM fresh) AS partners, (SELECT count(*) FROM written) AS written
