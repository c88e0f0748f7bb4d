-- The first half of renaming: take the old codes away, so that swaps, cycles and chains do not meet. $1 text[] old p_codes, $2 text[]
-- new ones. One row a place: its id, its new code.
WITH named AS (
    SELECT t.id, e.new
      FROM unnest($1::text[], $2::text[]) AS e(old, new) JOIN registry.location t ON t.p_code = e.old AND t.is_active
     ORDER BY t.name, t.p_code, t.admin_level FOR UPDATE OF t
)
UPDATE registry.location t SET p_code = 'remap:' || t.id FROM named n WHERE t.id = n.id RETURNING t.id, n.new
