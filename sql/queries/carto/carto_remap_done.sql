-- Remember the entries of a remap table. $1 bigint CARTO table, $2 text[] old p_codes, $3 text[] new ones, $4 bigint[] matching, $5 uuid
-- task. No row.
INSERT INTO registry.carto_remap AS r (carto_table_id, old_pcode, new_pcode, matching, task_id)
SELECT $1::bigint, e.old, e.new, e.matching, $5::uuid FROM unnest($2::text[], $3::text[], $4::bigint[]) AS e(old, new, matching)
ON CONFLICT (carto_table_id, old_pcode) DO UPDATE
   SET new_pcode = excluded.new_pcode, matching = excluded.matching, task_id = excluded.task_id
 WHERE (r.new_pcode, r.matching) IS DISTINCT FROM (excluded.new_pcode, excluded.matching)
