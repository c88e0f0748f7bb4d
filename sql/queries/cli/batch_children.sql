-- $1 uuid. The members of a batch in their order, at most 200: place, id, what it is, how it stands, its error.
SELECT m.place, m.id, m.name, m.status, m.error
  FROM (SELECT t.batch_place AS place, t.id, t.name, coalesce(e.status, CASE WHEN r.started_at IS NULL THEN 'QUEUED' ELSE 'RUNNING' END) AS status, e.error
          FROM drumbeat.task_body t LEFT JOIN drumbeat.ended e ON e.task_id = t.id LEFT JOIN drumbeat.running r ON r.task_id = t.id
         WHERE t.batch_id = $1::uuid
        UNION ALL
        SELECT b.place, b.id, b.kind, coalesce(b.outcome, 'running'), b.error FROM drumbeat.batch b WHERE b.parent_id = $1::uuid) m
 ORDER BY m.place LIMIT 200
