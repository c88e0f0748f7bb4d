-- After a complete pull: workspaces that were not in it. $1 text[] their codes. One row: how many.
WITH gone AS (
    UPDATE registry.workspace SET is_active = false WHERE is_active AND workspace_code <> ALL ($1::text[]) RETURNING 1
)
SELECT count(*) FROM gone
