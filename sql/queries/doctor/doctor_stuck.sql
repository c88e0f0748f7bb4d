-- One row: claimed tasks whose worker is gone or whose lease is over, which a live worker would have rescued.
SELECT count(*) AS tasks FROM drumbeat.running r LEFT JOIN drumbeat.worker w ON w.id = r.worker
 WHERE w.id IS NULL OR w.seen_at + w.lease * 2 < clock_timestamp()
