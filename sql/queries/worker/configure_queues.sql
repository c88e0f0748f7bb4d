-- Tell what the configuration says of queues.
-- $1 text[] names, $2 text[] brokers, $3 text[] protocols, $4 text[] which tasks have rows
SELECT drumbeat.configure_queues($1::text[], $2::text[], $3::text[], $4::text[])
