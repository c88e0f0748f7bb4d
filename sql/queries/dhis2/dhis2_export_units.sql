-- The org units $1 bigint[] in this order: id in DHIS2, whether version $2 bigint lacks it, all its members, and those that differ there.
SELECT u.source_ref, r.id IS NULL AS is_new, mine.whole, CASE WHEN r.id IS NULL THEN mine.whole ELSE
       (SELECT jsonb_object_agg(m.key, m.value) FROM jsonb_each(mine.whole) m
         WHERE m.value IS DISTINCT FROM registry.org_unit_as_dhis2(r, r.parent_source_ref)->m.key) END AS changes
  FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted(id, place)
  JOIN registry.org_unit u ON u.id = wanted.id
  LEFT JOIN registry.org_unit p ON p.id = u.parent_id
  LEFT JOIN registry.org_unit r ON r.version_id = $2::bigint AND r.source_ref = u.source_ref
 CROSS JOIN LATERAL (SELECT registry.org_unit_as_dhis2(u, coalesce(p.source_ref, u.parent_source_ref)) AS whole) mine
 ORDER BY wanted.place
