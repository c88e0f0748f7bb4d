-- What a sync could not copy, or had something to say of: $1 uuid task, with the members of a batch that it has enqueued. Rows of text handler, text area, text kind
-- (failed, note, more: so many are not listed), bigint page and place on it, text id, text field, text reason. No row: nothing.
WITH tasks AS (
    SELECT $1::uuid AS id
     UNION ALL
    SELECT m.id FROM drumbeat.ended e CROSS JOIN LATERAL drumbeat.batch_tree((e.result ->> 'batch')::uuid) b(id) JOIN drumbeat.task_body m ON m.batch_id = b.id
     WHERE e.task_id = $1::uuid
), told AS (
    SELECT l.id AS log, l.handler_name, l.business_area_code, o.kind, r.value, r.place
      FROM tasks t JOIN registry.sync_log l ON l.task_id = t.id
     CROSS JOIN (VALUES ('failed', 'failures'), ('note', 'notes')) AS o(kind, member)
     CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(l.data -> o.member) WHEN 'array' THEN l.data -> o.member ELSE '[]' END)
                        WITH ORDINALITY AS r(value, place)
     UNION ALL
    SELECT l.id, l.handler_name, l.business_area_code, 'more', jsonb_build_object('reason', format('%s more %s', n.count, n.member)), NULL
      FROM tasks t JOIN registry.sync_log l ON l.task_id = t.id
     CROSS JOIN LATERAL (VALUES ('failures', l.data ->> 'failures_left_out'), ('notes', l.data ->> 'notes_left_out')) AS n(member, count)
     WHERE n.count <> '0'
)
SELECT handler_name AS handler, business_area_code AS area, kind, (value ->> 'page')::bigint AS page, (value ->> 'index')::bigint AS index, value ->> 'id' AS id,
       value ->> 'field' AS field, coalesce(value ->> 'reason', value ->> 'note') AS reason
  FROM told ORDER BY log, kind, place
