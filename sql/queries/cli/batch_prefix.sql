-- $1 uuid, $2 uuid: the lowest and the highest id that begin as was typed. One row: it is meant; two: more than one begins so.
SELECT id FROM drumbeat.batch WHERE id BETWEEN $1::uuid AND $2::uuid ORDER BY id LIMIT 2
