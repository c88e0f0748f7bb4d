-- $1 text channel, $2 text: tell whoever listens.
SELECT pg_notify($1::text, $2::text)
