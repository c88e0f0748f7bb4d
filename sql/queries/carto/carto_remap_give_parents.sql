-- What the renamed places themselves say of their parents, once those have their new codes. $1 bigint[] ids of the renamed. No row.
UPDATE registry.location t SET parent_p_code = p.p_code
  FROM registry.location p
 WHERE p.id = t.parent_id AND p.id = ANY ($1::bigint[]) AND t.id = ANY ($1::bigint[]) AND t.parent_p_code IS DISTINCT FROM p.p_code
