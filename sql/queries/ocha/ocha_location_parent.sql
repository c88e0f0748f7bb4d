-- Below which place each place of HPC lies; a parent that is not known changes nothing. $1 bigint record or NULL for all.
WITH changed AS (
    UPDATE registry.location l SET parent_id = p.location_id
      FROM drumbeat_stage s JOIN registry.hpc_place p ON p.external_id = s.data->>'parent'
     WHERE s.kind = 'place' AND ($1::bigint IS NULL OR s.record = $1::bigint)
       AND l.external_source = 'HPC' AND l.external_id = s.data->>'external_id' AND l.id <> p.location_id AND l.parent_id IS DISTINCT FROM p.location_id
    RETURNING s.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM changed GROUP BY record
