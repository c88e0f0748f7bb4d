-- The second half: give the new codes, to the children's word of their parent too. $1 bigint[] ids, $2 text[] new p_codes. No row.
WITH given AS (
    SELECT e.id, e.new FROM unnest($1::bigint[], $2::text[]) AS e(id, new)
), renamed AS (
    UPDATE registry.location t SET p_code = g.new, modified = clock_timestamp() FROM given g WHERE t.id = g.id
)
UPDATE registry.location t SET parent_p_code = g.new
  FROM given g
 WHERE t.parent_id = g.id AND NOT EXISTS (SELECT FROM given o WHERE o.id = t.id)
