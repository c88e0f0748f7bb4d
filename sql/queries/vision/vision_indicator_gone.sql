-- RAM indicators of the country that the answer does not name become inactive, when every row of it could be read and so many are missing at most as the
-- arguments say (percent of the active ones): more than that looks like half an answer and is only told. $1 bigint record or NULL for all.
WITH run AS (
    SELECT c1::bigint AS country_id, c2::boolean AS readable, c3::bigint AS percent, EXISTS (SELECT FROM drumbeat_stage WHERE kind = 'seen') AS any_row
      FROM drumbeat_stage WHERE kind = 'run' AND $1::bigint IS NULL
), known AS (
    SELECT i.id, NOT EXISTS (SELECT FROM drumbeat_stage s WHERE s.kind = 'seen' AND s.c1 = i.code) AS gone
      FROM run JOIN registry.indicator i USING (country_id) WHERE i.ram_indicator AND i.active
), verdict AS (
    SELECT count(*) AS active, count(*) FILTER (WHERE gone) AS gone,
           bool_and(run.readable AND run.any_row) AND count(*) FILTER (WHERE gone) * 100 <= count(*) * max(run.percent) AS good
      FROM known, run
), written AS (
    UPDATE registry.indicator i SET active = false FROM known k, verdict v WHERE i.id = k.id AND k.gone AND v.good RETURNING i.id
), told AS (
    INSERT INTO drumbeat_stage (record, kind, c3)
    SELECT 0, 'told', format('%s of %s active indicators are not in the answer: none was deactivated', gone, active) FROM verdict WHERE gone > 0 AND NOT good
)
SELECT NULL::bigint AS record, 0::bigint AS created, 0::bigint AS updated, count(*) AS removed FROM written
