-- Enqueue the second part of a plan's import. $1 bigint plan, $2 text upstream, $3 uuid the task whose tenant it has. One row: the batch.
SELECT drumbeat.enqueue_workflow(
           jsonb_build_object('label', 'ocha.response_plan ' || $1::bigint,
                              'chain', jsonb_build_array(jsonb_build_object('task', 'ocha.response_plan_details',
                                                                            'args', jsonb_build_object('plan_id', $1::bigint, 'upstream', $2::text)))),
           tenant => (SELECT tenant FROM drumbeat.task_body WHERE id = $3::uuid))
