-- The rows of the answer that brought something: kind 'mark', c1 place, c2 'new' or 'changed'; one that brought both is new. $1 bigint record or NULL
-- for all.
WITH marked AS (
    SELECT bool_or(c2 = 'new') AS is_new FROM drumbeat_stage WHERE kind = 'mark' AND ($1::bigint IS NULL OR record = $1::bigint) GROUP BY c1
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM marked
