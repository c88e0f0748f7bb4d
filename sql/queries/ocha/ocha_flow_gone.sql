-- After a complete pull: flows that the list has no more leave it; in no list they are over. $1 text list, $2 jsonb array of the ids it has. One row: how
-- many are over.
WITH gone AS (
    DELETE FROM registry.fts_flow_list l USING registry.fts_flow f
     WHERE l.list = $1::text AND f.id = l.flow_id AND f.external_id NOT IN (SELECT jsonb_array_elements_text($2::jsonb))
    RETURNING l.flow_id
), over AS (
    UPDATE registry.fts_flow f SET is_active = false
      FROM gone g
     WHERE f.id = g.flow_id AND f.is_active AND NOT EXISTS (SELECT FROM registry.fts_flow_list o WHERE o.flow_id = f.id AND o.list <> $1::text)
    RETURNING 1
)
SELECT count(*) FROM over
