-- Programme documents that reports are made for, the newest first, at most $3 bigint of those older than $1 bigint (NULL: from the newest on).
-- $2 text: a business area or workspace code, NULL: all; $4 bigint: one document by its row, NULL: all. `total` counts all that are left.
SELECT d.id, d.external_id, d.reference_number, count(*) OVER () AS total
  FROM registry.programme_document d JOIN registry.workspace w ON w.id = d.workspace_id
 WHERE d.is_active AND d.status IN ('active', 'ended') AND ($1::bigint IS NULL OR d.id < $1::bigint)
   AND ($2::text IS NULL OR $2::text IN (w.business_area_code, w.workspace_code)) AND ($4::bigint IS NULL OR d.id = $4::bigint)
 ORDER BY d.id DESC LIMIT $3::bigint
