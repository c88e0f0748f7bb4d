-- Which organization each partner is: staged as c1 id, c2 name, c3 abbreviation, c4 order. A name counts more than an abbreviation, of several the last.
-- $1 text country code of the partners, NULL: all. A row for each partner that was given its organization (true), or could be one but not for certain
-- (false), with its title or why.
WITH names AS (
    SELECT DISTINCT ON (key) key, id, rank
      FROM (SELECT upper(btrim(c2)) AS key, c1 AS id, 1 AS rank, c4::bigint AS place FROM drumbeat_stage WHERE kind = 'organization'
            UNION ALL
            SELECT upper(btrim(c3)), c1, 2, c4::bigint FROM drumbeat_stage WHERE kind = 'organization' AND btrim(c3) <> '') n
     ORDER BY key, rank, place DESC
), matches AS (
    SELECT p.id, p.title, p.ocha_external_id, n.id AS organization, n.rank,
           count(*) OVER (PARTITION BY n.id, n.rank) AS alike, min(n.rank) OVER (PARTITION BY n.id) AS best
      FROM registry.partner p JOIN names n ON n.key = upper(btrim(p.title))
     WHERE $1::text IS NULL OR p.country_code = $1::text
), wanted AS (
    SELECT m.*, CASE WHEN m.rank > m.best THEN 'another partner has its name in full'
                     WHEN m.alike > 1 THEN 'several partners have this name'
                     WHEN EXISTS (SELECT FROM registry.partner o WHERE o.ocha_external_id = m.organization AND o.id <> m.id) THEN 'another partner is it' END AS doubt
      FROM matches m WHERE m.ocha_external_id IS DISTINCT FROM m.organization
), written AS (
    UPDATE registry.partner p SET ocha_external_id = w.organization FROM wanted w WHERE p.id = w.id AND w.doubt IS NULL RETURNING p.id
)
SELECT w.title, true FROM wanted w JOIN written USING (id)
UNION ALL
SELECT format('partner %s, organization %s: %s', w.id, w.organization, w.doubt), false FROM wanted w WHERE w.doubt IS NOT NULL
