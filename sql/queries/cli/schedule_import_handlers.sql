-- $1 text[]: names. Those of them that are handlers some worker has told of; no row: none is.
SELECT h.name FROM drumbeat.handler h WHERE h.name = ANY ($1::text[])
