-- Rows whose outcome ended before last year are left out of the stage: c9 its last day, c18 activity, c28 place. $1 bigint record or NULL for all.
WITH old AS (
    DELETE FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
       AND c9::date < date_trunc('year', now() AT TIME ZONE 'UTC') - interval '1 year'
    RETURNING record, c9, c18, c28
), told AS (
    INSERT INTO drumbeat_stage (record, kind, c1, c2, c3, c4)
    SELECT record, 'told', c28, c18, 'OUTCOME_END_DATE: ended on ' || c9, 'left out' FROM old
)
SELECT NULL::bigint AS record, 0::bigint AS created, 0::bigint AS updated, 0::bigint AS removed
