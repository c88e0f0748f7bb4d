-- How many messages of Kafka wait to be read, as the last run of akvo.datapoints left them, and how many seconds ago one last moved on; negative: never.
SELECT coalesce(sum(p.lag), 0)::float8, coalesce(extract(epoch FROM clock_timestamp() - max(p.updated_at)), -1)::float8 FROM registry.akvo_partition p
