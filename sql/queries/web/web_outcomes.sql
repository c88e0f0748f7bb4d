-- How tasks ended in the last minute, of those in the newest 128 pages of `ended`, which is insert-only: a range of pages, no index and no
-- history is read. One row: SUCCESS, ERRORED, KILLED, SKIPPED.
SELECT count(*) FILTER (WHERE status = 'SUCCESS'), count(*) FILTER (WHERE status = 'ERRORED'), count(*) FILTER (WHERE status = 'KILLED'),
       count(*) FILTER (WHERE status = 'SKIPPED')
  FROM drumbeat.ended
 WHERE ctid >= (SELECT format('(%s,0)', greatest(0, pg_relation_size('drumbeat.ended') / current_setting('block_size')::bigint - 128))::tid)
   AND ended_at > clock_timestamp() - interval '1 minute'
