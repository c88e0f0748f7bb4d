-- Emit. $1 uuid: this beat, $2 bigint: epoch, $3 text[]: names, $4 bigint[]: revisions, then bigint[] of microseconds since 1970: $5 marks,
-- $6 ticks (0: none), $7 dues; $8 bigint[]: ticks passed over, and again microseconds: $9 new marks, $10 next ticks (0: never). Answers
-- the places, from 1, of those done. SQLSTATE DBF02: another beat leads.
SELECT drumbeat.emit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
