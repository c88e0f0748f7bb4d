-- The staged plan. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, r.external_id, r.title, r.plan_type, r.start, r."end",
           coalesce(registry.hpc_workspace(r.external_id, r.workspace, r.country),
                    (SELECT id FROM registry.workspace WHERE workspace_code = 'EM' || r.emergency)) AS workspace_id
      FROM drumbeat_stage s, jsonb_to_record(s.data) AS r(external_id text, title varchar(255), plan_type varchar(5), start date, "end" date,
                                                          workspace text, country text, emergency text)
     WHERE s.kind = 'plan' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.response_plan AS p (external_id, external_source, title, plan_type, start, "end", workspace_id)
    SELECT s.external_id, 'HPC', s.title, s.plan_type, s.start, s."end", s.workspace_id
      FROM staged s LEFT JOIN registry.response_plan p ON p.external_source = 'HPC' AND p.external_id = s.external_id
     WHERE p.id IS NULL
        OR (p.title, p.plan_type, p.start, p."end", p.workspace_id) IS DISTINCT FROM (s.title, s.plan_type, s.start, s."end", s.workspace_id)
    ON CONFLICT (external_source, external_id) DO UPDATE
       SET title = excluded.title, plan_type = excluded.plan_type, start = excluded.start, "end" = excluded."end", workspace_id = excluded.workspace_id
    RETURNING p.external_id, p.xmax = 0 AS is_new
)
SELECT s.record, w.is_new::int::bigint AS created, (NOT w.is_new)::int::bigint AS updated, 0::bigint AS removed FROM written w JOIN staged s USING (external_id)
