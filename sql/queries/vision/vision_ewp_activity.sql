-- Activities of work plans, each as the first row has it: c2 work plan, c10 to c17 as tasks/vision/ewp.c names them, c18 country, c19 place. One of a work plan or a
-- result that is not here is left out. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (s.c10) s.record, s.c10 AS wbs, s.c11 AS wpa_id, s.c12::date AS start_date, s.c13::date AS end_date, s.c14 AS title, s.c15 AS description,
           s.c16::numeric(20,2) AS total_budget, s.c2 AS workplan, s.c17 AS result, s.c18::bigint AS country_id, s.c19 AS place, w.id AS workplan_id, r.id AS result_id
      FROM drumbeat_stage s
      LEFT JOIN registry.ewp_workplan w ON w.wbs = s.c2 AND w.country_id = s.c18::bigint
      LEFT JOIN registry.result r ON r.wbs = s.c17 AND r.country_id = s.c18::bigint AND r.result_type = 'Activity'
     WHERE s.kind = 'row' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY s.c10, s.c19::bigint
), written AS (
    INSERT INTO registry.ewp_activity AS t (wbs, country_id, workplan_id, result_id, wpa_id, title, description, start_date, end_date, total_budget)
    SELECT s.wbs, s.country_id, s.workplan_id, s.result_id, s.wpa_id, s.title, s.description, s.start_date, s.end_date, s.total_budget
      FROM staged s LEFT JOIN registry.ewp_activity a USING (wbs, country_id)
     WHERE s.workplan_id IS NOT NULL AND s.result_id IS NOT NULL
       AND (a.workplan_id, a.result_id, a.wpa_id, a.title, a.description, a.start_date, a.end_date, a.total_budget) IS DISTINCT FROM
           (s.workplan_id, s.result_id, s.wpa_id, s.title, s.description, s.start_date, s.end_date, s.total_budget)
     ORDER BY s.wbs
    ON CONFLICT (wbs, country_id) DO UPDATE
       SET workplan_id = excluded.workplan_id, result_id = excluded.result_id, wpa_id = excluded.wpa_id, title = excluded.title,
           description = excluded.description, start_date = excluded.start_date, end_date = excluded.end_date, total_budget = excluded.total_budget
    RETURNING t.wbs, t.xmax = 0 AS is_new
), marked AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2)
    SELECT 0, 'mark', s.place, CASE WHEN w.is_new THEN 'new' ELSE 'changed' END FROM written w JOIN staged s USING (wbs)
), told AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2, c3, c4)
    SELECT s.record, 'told', s.place, s.wbs,
           CASE WHEN s.workplan_id IS NULL THEN 'WP_GID: no work plan ' || s.workplan || ' here' ELSE 'VISION_ACTIVITY_WBS: no activity ' || s.result || ' here' END,
           CASE WHEN NOT EXISTS (SELECT FROM drumbeat_stage m WHERE m.kind = 'mark' AND m.c1 = s.place) THEN 'left out' END
      FROM staged s WHERE s.workplan_id IS NULL OR s.result_id IS NULL
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
