-- The nested sets of all locations, in the order of their names: only what differs is written. One row: how many were. A row of the tree is counted once for
-- itself and once for each place that lies in it, itself too; lists are not joined with each other, which the planner thinks cheap before it knows how long they are.
WITH RECURSIVE tree AS (
    SELECT id, id AS tree_id, 0 AS level, ARRAY[id] AS path, ARRAY[(name, id)] AS place FROM registry.location WHERE parent_id IS NULL
    UNION ALL
    SELECT t.id, u.tree_id, u.level + 1, u.path || t.id, u.place || (t.name, t.id)
      FROM tree u JOIN registry.location t ON t.parent_id = u.id
     WHERE NOT t.id = ANY (u.path)
), counted AS (
    SELECT id, max(tree_id) AS tree_id, max(level) AS level, max(number) AS number, count(*) - 1 AS size
      FROM (SELECT id, tree_id, level, row_number() OVER (PARTITION BY tree_id ORDER BY place) AS number FROM tree
            UNION ALL
            SELECT unnest(path), NULL, NULL, NULL FROM tree) t
     GROUP BY id
), wanted AS (
    SELECT id, tree_id, level, 2 * number - level - 1 AS lft, 2 * number - level - 2 + 2 * size AS rght FROM counted
), differing AS (
    SELECT w.* FROM wanted w JOIN registry.location t USING (id)
     WHERE (t.lft, t.rght, t.tree_id, t.level) IS DISTINCT FROM (w.lft, w.rght, w.tree_id, w.level)
     ORDER BY t.name, t.p_code, t.admin_level FOR UPDATE OF t
), written AS (
    UPDATE registry.location t SET lft = d.lft, rght = d.rght, tree_id = d.tree_id, level = d.level FROM differing d WHERE t.id = d.id RETURNING t.id
)
SELECT count(*) FROM written
