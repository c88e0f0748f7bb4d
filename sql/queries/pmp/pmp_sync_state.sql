-- How far a sync has come. $1 text handler, $2 bigint workspace id, $3 text upstream, $4 timestamptz watermark or NULL,
-- $5 bool: everything was pulled. Written only when it says something new.
INSERT INTO registry.sync_state AS s (handler_name, workspace_id, upstream, watermark, full_at)
VALUES ($1::text, $2::bigint, $3::text, $4::timestamptz, CASE WHEN $5::boolean THEN clock_timestamp() END)
ON CONFLICT (handler_name, workspace_id) DO UPDATE
   SET upstream = excluded.upstream, watermark = excluded.watermark, full_at = coalesce(excluded.full_at, s.full_at)
 WHERE (s.upstream, s.watermark) IS DISTINCT FROM (excluded.upstream, excluded.watermark) OR $5::boolean
