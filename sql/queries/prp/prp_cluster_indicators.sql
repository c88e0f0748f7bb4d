-- Indicators of clusters that reports are made for, the newest first, at most $3 bigint of those older than $1 bigint (NULL: from the newest on). None when
-- $2 text or $4 bigint ask for one workspace or document. `total` counts all that are left.
SELECT i.id, coalesce(i.external_id, i.id::text), NULL::text, count(*) OVER () AS total
  FROM registry.reportable i
 WHERE i.content_type IN ('partner_project', 'activity_project_context', 'cluster_objective') AND i.active AND ($1::bigint IS NULL OR i.id < $1::bigint)
   AND $2::text IS NULL AND $4::bigint IS NULL
   AND EXISTS (SELECT FROM registry.reportable_location_goal g WHERE g.reportable_id = i.id AND g.is_active)
 ORDER BY i.id DESC LIMIT $3::bigint
