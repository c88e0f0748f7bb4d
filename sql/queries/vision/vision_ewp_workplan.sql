-- Work plans, each as the first row has it that has all of it: c1 to c9 as tasks/vision/ewp.c names them, c18 country, c19 place. $1 bigint record or NULL for
-- all.
WITH staged AS (
    SELECT DISTINCT ON (c2) c1 AS ewp_id, c2 AS wbs, c3 AS name, c4 AS status, c5 AS cost_center_code, c6 AS cost_center_name, c7 AS category_type,
           c8 AS plan_type, c9 AS programme, c18::bigint AS country_id, c19 AS place
      FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
       AND num_nulls(nullif(c1, ''), nullif(c3, ''), nullif(c4, ''), nullif(c5, ''), nullif(c6, ''), nullif(c7, ''), nullif(c8, ''), nullif(c9, '')) = 0
     ORDER BY c2, c19::bigint
), differing AS (
    SELECT s.*, coalesce(p.id, w.country_programme_id) AS country_programme_id
      FROM staged s
      LEFT JOIN registry.ewp_workplan w USING (wbs, country_id)
      LEFT JOIN registry.country_programme p ON p.wbs = s.programme AND p.country_id = s.country_id
     WHERE (w.ewp_id, w.name, w.status, w.cost_center_code, w.cost_center_name, w.category_type, w.plan_type, w.country_programme_id) IS DISTINCT FROM
           (s.ewp_id, s.name, s.status, s.cost_center_code, s.cost_center_name, s.category_type, s.plan_type, coalesce(p.id, w.country_programme_id))
), written AS (
    INSERT INTO registry.ewp_workplan AS t (wbs, country_id, ewp_id, name, status, cost_center_code, cost_center_name, category_type, plan_type,
                                            country_programme_id)
    SELECT wbs, country_id, ewp_id, name, status, cost_center_code, cost_center_name, category_type, plan_type, country_programme_id FROM differing ORDER BY wbs
    ON CONFLICT (wbs, country_id) DO UPDATE
       SET ewp_id = excluded.ewp_id, name = excluded.name, status = excluded.status, cost_center_code = excluded.cost_center_code,
           cost_center_name = excluded.cost_center_name, category_type = excluded.category_type, plan_type = excluded.plan_type,
           country_programme_id = excluded.country_programme_id
    RETURNING t.wbs, t.xmax = 0 AS is_new
), marked AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2)
    SELECT 0, 'mark', d.place, CASE WHEN w.is_new THEN 'new' ELSE 'changed' END FROM written w JOIN differing d USING (wbs)
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
