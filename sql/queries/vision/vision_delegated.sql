-- Delegated fund reservations that may still change: not completed, ended 52 weeks ago at most. $1 bigint country, $2 text: only this one, NULL: all. Rows of
-- their numbers.
SELECT fr_number FROM registry.fr_header
 WHERE country_id = $1::bigint AND delegated AND NOT completed_flag AND end_date > (now() AT TIME ZONE 'UTC')::date - 364
   AND ($2::text IS NULL OR fr_number = $2::text)
 ORDER BY fr_number
