-- After a complete pull of a workspace's documents: those that were not in it become inactive. $1 text[] their ids,
-- $2 bigint workspace, $3 bool government documents. One row: how many.
WITH gone AS (
    UPDATE registry.programme_document
       SET is_active = false
     WHERE workspace_id = $2::bigint AND government = $3::boolean AND is_active AND external_id <> ALL ($1::text[])
    RETURNING 1
)
SELECT count(*) FROM gone
