-- How far partitions were read: $1 text[] topics, $2 bigint[] partitions, $3 bigint[] next offsets, $4 bigint[] what they hold. Writes only what differs.
INSERT INTO registry.akvo_partition AS p (topic, partition, next_offset, high_offset)
SELECT t.topic, t.partition, t.next_offset, t.high_offset
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS t(topic, partition, next_offset, high_offset)
 ORDER BY 1, 2
ON CONFLICT (topic, partition) DO UPDATE
   SET next_offset = excluded.next_offset, high_offset = excluded.high_offset, updated_at = clock_timestamp()
 WHERE (p.next_offset, p.high_offset) IS DISTINCT FROM (excluded.next_offset, excluded.high_offset)
