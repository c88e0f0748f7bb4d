-- How far the partitions of topics $1 text[] were read.
SELECT topic, partition, next_offset FROM registry.akvo_partition WHERE topic = ANY ($1::text[])
