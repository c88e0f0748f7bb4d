-- Take the next turn at what is done once in a while only. $1 text what, $2 bigint microseconds between two. One row: microseconds until the turn.
INSERT INTO registry.pace AS p (name, next_at) VALUES ($1::text, clock_timestamp() + $2::bigint * interval '1 us')
ON CONFLICT (name) DO UPDATE SET next_at = greatest(p.next_at, clock_timestamp()) + $2::bigint * interval '1 us'
RETURNING (extract(epoch FROM p.next_at - $2::bigint * interval '1 us' - clock_timestamp()) * 1000000)::bigint
