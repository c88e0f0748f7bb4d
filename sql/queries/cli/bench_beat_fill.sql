-- Schedules number $1 (bigint) to $2 (bigint), all of which tick once, in the second that starts at $3 (timestamptz); a fifth each in five
-- zones, 1,440 different times of the day that nothing ever comes of beside that. No rows.
INSERT INTO drumbeat.schedule (name, handler, specs, tz, start_at, end_at)
SELECT 'bench-' || i, 'noop', ARRAY['* * * * * *', format('%s %s * * *', i % 60, i / 60 % 24)],
       (ARRAY['UTC', 'Europe/Paris', 'Africa/Nairobi', 'Asia/Kolkata', 'America/New_York'])[1 + i % 5], $3::timestamptz, $3::timestamptz + interval '1 second'
  FROM generate_series($1::bigint, $2::bigint) i
