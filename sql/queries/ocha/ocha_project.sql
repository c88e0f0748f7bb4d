-- Projects: the partner is the one that was asked for, the one they have, or the one that their organization is, by its id or its name. $1 bigint record or
-- NULL for all.
WITH staged AS (
    SELECT s.record, r.external_id, nullif(r.code, '') AS code, r.title, r.description, r.start_date, r.end_date, r.requested_funds,
           coalesce(m.total, r.requested_funds) AS total_budget, m.sources AS funding_source, left(r.additional_information, 255) AS additional_information,
           CASE WHEN r.start_date > current_date THEN 'Pla' WHEN r.end_date < current_date THEN 'Com' ELSE 'Ong' END AS status,
           coalesce(nullif(r.partner, 0), (SELECT partner_id FROM registry.partner_project WHERE external_source = 'HPC' AND external_id = r.external_id),
                    (SELECT id FROM registry.partner WHERE ocha_external_id = r.organization),
                    (SELECT min(id) FROM registry.partner WHERE upper(title) = upper(r.organization_name) HAVING count(*) = 1)) AS partner_id
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(external_id text, code text, title varchar(1024), description varchar(5120), start_date date, end_date date,
               requested_funds numeric(20,2), additional_information text, partner bigint, organization text, organization_name text),
           registry.project_funding(r.external_id, r.code) m
     WHERE s.kind = 'project' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.partner_project AS p (external_id, external_source, code, title, description, start_date, end_date, status, requested_funds,
               total_budget, funding_source, additional_information, partner_id)
    SELECT s.external_id, 'HPC', s.code, s.title, s.description, s.start_date, s.end_date, s.status, s.requested_funds, s.total_budget, s.funding_source,
           s.additional_information, s.partner_id
      FROM staged s LEFT JOIN registry.partner_project p ON p.external_source = 'HPC' AND p.external_id = s.external_id
     WHERE p.id IS NULL
        OR (p.code, p.title, p.description, p.start_date, p.end_date, p.status, p.requested_funds, p.total_budget, p.funding_source, p.additional_information,
            p.partner_id)
           IS DISTINCT FROM
           (s.code, s.title, s.description, s.start_date, s.end_date, s.status, s.requested_funds, s.total_budget, s.funding_source, s.additional_information,
            s.partner_id)
    ON CONFLICT (external_source, external_id) DO UPDATE
       SET code = excluded.code, title = excluded.title, description = excluded.description, start_date = excluded.start_date, end_date = excluded.end_date,
           status = excluded.status, requested_funds = excluded.requested_funds, total_budget = excluded.total_budget,
           funding_source = excluded.funding_source, additional_information = excluded.additional_information, partner_id = excluded.partner_id
    RETURNING p.external_id, p.xmax = 0 AS is_new
)
SELECT s.record, w.is_new::int::bigint AS created, (NOT w.is_new)::int::bigint AS updated, 0::bigint AS removed FROM written w JOIN staged s USING (external_id)
