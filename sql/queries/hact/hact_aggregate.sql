-- A country's year in figures, of the partners that cash went to. $1 bigint country, $2 date as which day, NULL: today in UTC. One row: whether it is new and
-- whether it was written.
WITH year AS (
    SELECT date_trunc('year', d.day)::date AS first, (date_trunc('year', d.day) + interval '1 year')::date AS next, extract(year FROM d.day)::smallint AS number
      FROM (SELECT coalesce($2::date, (now() AT TIME ZONE 'UTC')::date) AS day) d
), partners AS (
    SELECT r.*, p.hact_values->>'assurance_coverage' AS coverage, p.last_assessment_date,
           coalesce((p.hact_values#>>'{programmatic_visits,completed,total}')::numeric, 0) AS visits_done,
           coalesce((p.hact_values#>>'{spot_checks,completed,total}')::numeric, 0) AS checks_done,
           coalesce((p.hact_values#>>'{spot_checks,follow_up_required}')::numeric, 0) AS follow_up,
           coalesce((p.hact_values#>>'{audits,completed}')::numeric, 0) AS audits_done
      FROM registry.hact_requirement r JOIN registry.partner_organization p ON p.id = r.partner_id
     WHERE r.country_id = $1::bigint AND r.active
), engagements AS (
    SELECT e.*, e.date_of_draft_report_to_ip >= y.first AS now,
           coalesce(e.financial_findings, 0) - coalesce(e.amount_refunded, 0) - coalesce(e.additional_supporting_documentation_provided, 0)
           - coalesce(e.justification_provided_and_accepted, 0) - coalesce(e.write_off_required, 0) AS outstanding, coalesce(f.unicef_users_allowed, true) AS by_staff
      FROM registry.engagement e JOIN partners p USING (partner_id) LEFT JOIN registry.auditor_firm f ON f.id = e.auditor_firm_id, year y
     WHERE e.status <> 'cancelled' AND e.date_of_draft_report_to_ip >= y.first - interval '1 year' AND e.date_of_draft_report_to_ip < y.next
), bands(place, label, above, upto) AS (
    VALUES (1, '$0-50,000', -1e18, 50000), (2, '$50,001-100,000', 50000, 100000), (3, '$100,001-350,000', 100000, 350000), (4, '$350,001-500,000', 350000, 500000),
           (5, '>$500,000', 500000, 1e18)
), risks(place, label, colour) AS (
    VALUES (1, 'Not Required', '#D8D8D8'), (2, 'Low', '#2BB0F2'), (3, 'Medium', '#FECC02'), (4, 'Significant', '#F05656'), (5, 'High', '#751010')
), kinds(place, label, type, colour) AS (
    VALUES (1, 'CSO', 'Civil Society Organization', '#FECC02'), (2, 'GOV', 'Government', '#F05656')
), coverages(place, label, coverage) AS (
    VALUES (1, 'Without Assurance', 'void'), (2, 'Partially Met Requirements', 'partial'), (3, 'Met Requirements', 'complete')
), covered AS (
    SELECT c.place, c.label, count(p.partner_id) AS number, coalesce(sum(p.total_ct_ytd), 0) AS amount
      FROM coverages c LEFT JOIN partners p ON coalesce(p.coverage, 'void') = c.coverage GROUP BY 1, 2
), audits AS (
    SELECT coalesce(sum(audited_expenditure) FILTER (WHERE now), 0) AS expenditure, coalesce(sum(financial_findings) FILTER (WHERE now), 0) AS findings,
           coalesce(sum(amount_refunded) FILTER (WHERE now), 0) AS refunds, coalesce(sum(additional_supporting_documentation_provided) FILTER (WHERE now), 0) AS documents,
           coalesce(sum(justification_provided_and_accepted) FILTER (WHERE now), 0) AS justified, coalesce(sum(write_off_required) FILTER (WHERE now), 0) AS impairment,
           coalesce(sum(outstanding) FILTER (WHERE now), 0) AS outstanding, coalesce(sum(outstanding) FILTER (WHERE NOT now), 0) AS before,
           coalesce(sum(high_findings) FILTER (WHERE now), 0) AS high, coalesce(sum(medium_findings) FILTER (WHERE now), 0) AS medium,
           coalesce(sum(low_findings) FILTER (WHERE now), 0) AS low
      FROM engagements WHERE engagement_type = 'audit'
), fresh AS (
    SELECT jsonb_build_object(
        'assurance_activities', jsonb_build_object(
            'programmatic_visits', (SELECT jsonb_build_object('completed', coalesce(sum(visits_done), 0), 'min_required', coalesce(sum(visits), 0)) FROM partners),
            'spot_checks', (SELECT jsonb_build_object('completed', (SELECT count(*) FROM engagements WHERE now AND engagement_type = 'sc'),
                                                      'required', coalesce(sum(spot_checks), 0), 'follow_up', coalesce(sum(follow_up), 0)) FROM partners),
            'scheduled_audit', (SELECT count(*) FROM engagements WHERE now AND engagement_type = 'audit'),
            'special_audit', (SELECT count(*) FROM engagements WHERE now AND engagement_type = 'sa'),
            'micro_assessment', (SELECT count(*) FROM engagements WHERE now AND engagement_type = 'ma'),
            'missing_micro_assessment', (SELECT count(*) FROM partners, year WHERE extract(year FROM last_assessment_date) <= number - 4)),
        'assurance_coverage', jsonb_build_object(
            'coverage_by_number_of_ips', jsonb_build_array(jsonb_build_array('Coverage by number of IPs', 'Count'))
                || (SELECT jsonb_agg(jsonb_build_array(label, number) ORDER BY place) FROM covered),
            'coverage_by_cash_transfer', jsonb_build_array(jsonb_build_array('Coverage by Cash Transfer (USD) (Total)', 'Count'))
                || (SELECT jsonb_agg(jsonb_build_array(label, amount) ORDER BY place) FROM covered),
            'table', (SELECT jsonb_build_array(
                jsonb_build_object('label', 'Active Partners', 'value', count(*)),
                jsonb_build_object('label', 'IPs without required PV', 'value', count(*) FILTER (WHERE visits_done < visits)),
                jsonb_build_object('label', 'IPs without required SC', 'value', count(*) FILTER (WHERE checks_done < spot_checks)),
                jsonb_build_object('label', 'IPs without required assurance', 'value', count(*) FILTER (WHERE visits_done < visits OR checks_done < spot_checks OR audits_done < audits)))
                        FROM partners)),
        'financial_findings', (SELECT jsonb_build_array(
            jsonb_build_object('name', 'Total Audited Expenditure', 'value', expenditure, 'highlighted', false),
            jsonb_build_object('name', 'Total Financial Findings', 'value', findings, 'highlighted', true),
            jsonb_build_object('name', 'Refunds', 'value', refunds, 'highlighted', false),
            jsonb_build_object('name', 'Additional Supporting Documentation Received', 'value', documents, 'highlighted', false),
            jsonb_build_object('name', 'Justification Provided and Accepted', 'value', justified, 'highlighted', false),
            jsonb_build_object('name', 'Impairment', 'value', impairment, 'highlighted', false),
            jsonb_build_object('name', 'Outstanding current year (Requires Follow-up)', 'value', outstanding, 'highlighted', true),
            jsonb_build_object('name', 'Outstanding prior year', 'value', before, 'highlighted', true)) FROM audits),
        'financial_findings_numbers', (SELECT jsonb_build_array(
            jsonb_build_object('name', 'Number of High Priority Findings', 'value', high),
            jsonb_build_object('name', 'Number of Medium Priority Findings', 'value', medium),
            jsonb_build_object('name', 'Number of Low Priority Findings', 'value', low),
            jsonb_build_object('name', 'Audit Opinion', 'value',
                (SELECT jsonb_agg(jsonb_build_object('name', o.name, 'value', (SELECT count(*) FROM engagements WHERE now AND engagement_type = 'audit' AND audit_opinion = o.name)) ORDER BY o.place)
                   FROM unnest(ARRAY['qualified', 'unqualified', 'denial', 'adverse']) WITH ORDINALITY AS o(name, place)))) FROM audits),
        'charts', jsonb_build_object(
            'cash_transfers_amounts', jsonb_build_array(jsonb_build_array('Risk Rating', 'Not Required', 'Low', 'Medium', 'Significant', 'High', 'Number of IPs'))
                || (SELECT jsonb_agg(jsonb_build_array(b.label) || b.amounts || jsonb_build_array(b.number) ORDER BY b.place)
                      FROM (SELECT b.place, b.label, (SELECT count(*) FROM partners p WHERE p.total_ct_ytd > b.above AND p.total_ct_ytd <= b.upto) AS number,
                                   (SELECT jsonb_agg(coalesce((SELECT sum(p.total_ct_ytd) FROM partners p WHERE p.risk = r.label AND p.total_ct_ytd > b.above AND p.total_ct_ytd <= b.upto), 0)
                                                     ORDER BY r.place) FROM risks r) AS amounts FROM bands b) b),
            'cash_transfers_risk_ratings', jsonb_build_array(jsonb_build_array('Risk Rating', 'Total Cash Transfers', jsonb_build_object('role', 'style'), 'Number of IPs'))
                || (SELECT jsonb_agg(jsonb_build_array(r.label, (SELECT coalesce(sum(p.total_ct_ytd), 0) FROM partners p WHERE p.risk = r.label), r.colour,
                                                       (SELECT count(*) FROM partners p WHERE p.risk = r.label)) ORDER BY r.place) FROM risks r),
            'cash_transfers_partner_type', jsonb_build_array(jsonb_build_array('Partner Type', 'Total Cash Transfers', jsonb_build_object('role', 'style'), 'Number of Partners'))
                || (SELECT jsonb_agg(jsonb_build_array(k.label, (SELECT coalesce(sum(p.total_ct_ytd), 0) FROM partners p WHERE p.organization_type = k.type), k.colour,
                                                       (SELECT count(*) FROM partners p WHERE p.organization_type = k.type)) ORDER BY k.place) FROM kinds k),
            'spot_checks_completed', jsonb_build_array(jsonb_build_array('Completed by', 'Count'),
                jsonb_build_array('Staff', (SELECT count(*) FROM engagements WHERE now AND engagement_type = 'sc' AND by_staff)),
                jsonb_build_array('Service Providers', (SELECT count(*) FROM engagements WHERE now AND engagement_type = 'sc' AND NOT by_staff))))) AS partner_values
), written AS (
    INSERT INTO registry.aggregate_hact AS t (country_id, year, partner_values)
    SELECT $1::bigint, y.number, f.partner_values FROM fresh f, year y
    ON CONFLICT (country_id, year) DO UPDATE SET partner_values = excluded.partner_values, updated_at = clock_timestamp()
       WHERE t.partner_values IS DISTINCT FROM excluded.partner_values
    RETURNING t.xmax = 0 AS is_new
)
SELECT EXISTS (SELECT FROM written WHERE is_new) AS is_new, EXISTS (SELECT FROM written) AS is_written
