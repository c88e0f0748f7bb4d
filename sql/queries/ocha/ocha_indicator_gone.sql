-- After a complete pull: indicators of scope $1 text, of those with $2 text only those of that plan, which are not among the ids $3 jsonb array, are over.
-- One row: how many.
WITH plan AS (
    SELECT id FROM registry.response_plan WHERE external_source = 'HPC' AND external_id = $2::text
), objective AS (
    SELECT o.id FROM registry.cluster_objective o JOIN registry.cluster c ON c.id = o.cluster_id JOIN plan p ON p.id = c.response_plan_id
), activity AS (
    SELECT a.id FROM registry.cluster_activity a JOIN objective o ON o.id = a.cluster_objective_id
), over AS (
    UPDATE registry.reportable t SET active = false
     WHERE t.external_source = $1::text AND t.active AND t.external_id NOT IN (SELECT jsonb_array_elements_text($3::jsonb))
       AND CASE WHEN $2::text IS NULL THEN true
                WHEN t.content_type = 'cluster_objective' THEN t.object_id IN (SELECT id FROM objective)
                WHEN t.content_type = 'cluster_activity' THEN t.object_id IN (SELECT id FROM activity)
                ELSE false END
    RETURNING t.id
)
SELECT count(*) FROM over
