-- What each output and activity of the country of this run belongs to: its WBS begins with it, 14 characters of an outcome, 18 of an output. $1 bigint record
-- or NULL for all.
WITH written AS (
    UPDATE registry.result r SET parent_id = p.id
      FROM registry.result p
     WHERE r.country_id = (SELECT c1::bigint FROM drumbeat_stage WHERE kind = 'run') AND $1::bigint IS NULL AND p.country_id = r.country_id
       AND (r.result_type, p.result_type, p.wbs) IN (('Output', 'Outcome', left(r.wbs, 14)), ('Activity', 'Output', left(r.wbs, 18)))
       AND r.parent_id IS DISTINCT FROM p.id
    RETURNING r.id
)
SELECT NULL::bigint AS record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written
