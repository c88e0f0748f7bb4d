-- The numbered items of purchase orders; a line without a number is the order alone: c4 order, c7 number. $1 bigint record or NULL for all.
WITH written AS (
    INSERT INTO registry.purchase_order_item (purchase_order_id, number)
    SELECT DISTINCT p.id, s.c7::integer
      FROM drumbeat_stage s JOIN registry.purchase_order p ON p.order_number = s.c4
     WHERE s.kind = 'row' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND s.c7 IS NOT NULL
       AND NOT EXISTS (SELECT FROM registry.purchase_order_item i WHERE i.purchase_order_id = p.id AND i.number = s.c7::integer)
     ORDER BY 1, 2
    ON CONFLICT (purchase_order_id, number) DO NOTHING
    RETURNING id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
