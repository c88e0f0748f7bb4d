-- Enqueue the second part of a project's import, after the plans that are not here yet, each a chain of its two parts; when one fails, too. $1 bigint project,
-- $2 text upstream, $3 jsonb array of the ids of its plans, $4 uuid the task whose tenant they have. One row: the batch.
WITH details AS (
    SELECT jsonb_build_object('task', 'ocha.project_details', 'args', jsonb_build_object('project_id', $1::bigint, 'upstream', $2::text)) AS node
), plans AS (
    SELECT jsonb_agg(jsonb_build_object('chain', jsonb_build_array(
               jsonb_build_object('task', 'ocha.response_plan', 'args', jsonb_build_object('plan_id', m.id, 'upstream', $2::text, 'details', false)),
               jsonb_build_object('task', 'ocha.response_plan_details', 'args', jsonb_build_object('plan_id', m.id, 'upstream', $2::text))))) AS list
      FROM (SELECT DISTINCT p::bigint AS id FROM jsonb_array_elements_text($3::jsonb) p) m
     WHERE NOT EXISTS (SELECT FROM registry.response_plan r WHERE r.external_source = 'HPC' AND r.external_id = m.id::text)
)
SELECT drumbeat.enqueue_workflow(jsonb_build_object('label', 'ocha.project ' || $1::bigint) ||
                                 CASE WHEN list IS NULL THEN jsonb_build_object('chain', jsonb_build_array(node))
                                      ELSE jsonb_build_object('group', list, 'on_success', node, 'on_failure', node) END,
                                 tenant => (SELECT tenant FROM drumbeat.task_body WHERE id = $4::uuid))
  FROM details, plans
