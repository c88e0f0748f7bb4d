"""Two tables of places at CARTO, districts and towns below them, in pages of 100 ids as its clients ask for them; towns are polygons of twenty positions."""
import json
import re

from common import Pages, differing, send

NAME, HANDLER, ARGUMENTS, UPSTREAM = "carto", "carto.all", {}, "CARTO"
ROWS, PAGE, BELOW = 50000, 100, 200
TABLES = ["location"]
TOLD = ["name", "p_code", "admin_level", "admin_level_name", "parent_p_code", "geom", "origin"]
LEVELS = {"bench_adm1": (1, "District"), "bench_adm2": (2, "Town")}

COMPARED = {
    "location": "SELECT l.name, l.p_code, l.admin_level, l.admin_level_name, l.parent_p_code, p.p_code AS parent, l.geom, l.origin, l.lft, l.rght, l.level"
                " FROM {0}.location l LEFT JOIN {0}.location p ON p.id = l.parent_id",
}


def made_place(n, level):
    x, y = n % 3000 / 100 - 15, n % 1700 / 100 + 4
    ring = [[round(x + i % 7 / 8, 6), round(y + i / 40, 6)] for i in range(20)]
    place = {"the_geom": json.dumps({"type": "MultiPolygon", "coordinates": [[ring + ring[:1]]]}), "name": f"Place {n} of level {level}", "pcode": f"P{level}{n:07d}"}
    if level == 2:
        place["parent_pcode"] = f"P1{n // BELOW:07d}"
    return place


class Upstream:
    def __init__(self, _folder, count):
        counts = {"bench_adm1": -(-count // BELOW), "bench_adm2": count}
        self.tables = {table: [json.dumps(made_place(n, LEVELS[table][0])) for n in range(rows)] for table, rows in counts.items()}
        self.count = sum(counts.values())

    def bytes(self):
        return sum(len(place) for places in self.tables.values() for place in places)

    def answer(self, _path, _query, form):
        sql = form["q"][0]
        places = self.tables[re.search(r" from (\w+)", sql)[1]]
        if "count(" in sql or "MAX(" in sql:
            return json.dumps({"rows": [{"count" if "count(" in sql else "max": len(places)}], "time": 0.001, "total_rows": 1})
        after, upto = map(int, re.search(r"> (\d+) AND cartodb_id <= (\d+)", sql).groups())
        rows = places[after:upto]
        return f'{{"rows":[{",".join(rows)}],"time":0.001,"fields":{{}},"total_rows":{len(rows)}}}'


# The Python programs ------------------------------------------------------------------------------------------------


def prepare(cursor, _schema):
    cursor.execute("INSERT INTO registry.carto_table (table_name, admin_level, admin_level_name) VALUES ('bench_adm1', 1, 'District') ON CONFLICT DO NOTHING")
    cursor.execute("INSERT INTO registry.carto_table (table_name, admin_level, admin_level_name, parent_code_col, parent_id)"
                   " SELECT 'bench_adm2', 2, 'Town', 'parent_pcode', id FROM registry.carto_table WHERE table_name = 'bench_adm1' ON CONFLICT DO NOTHING")


def pages(url, table):
    upstream = Pages(url)

    def rows(sql):
        return upstream.post("/api/v2/sql", {"q": sql})["rows"]

    rows(f"select count(*) from {table}")
    columns = "st_AsGeoJSON(the_geom) as the_geom, name, pcode" + (", parent_pcode" if table == "bench_adm2" else "")
    for after in range(0, rows(f"select MAX(cartodb_id) from {table}")[0]["max"], PAGE):
        yield rows(f"select {columns} from {table} WHERE cartodb_id > {after} AND cartodb_id <= {after + PAGE}")


def place_of(table, row):
    level, level_name = LEVELS[table]
    return (row["name"].strip(), str(row["pcode"]).strip(), level, level_name, row.get("parent_pcode"), row["the_geom"], f"carto:{table}")


def nested_sets(cursor, schema):
    """(id, tree, left, right, level) of each place that has others, in the order of the names."""
    cursor.execute(f"SELECT id, parent_id FROM {schema}.location ORDER BY name, id")
    below = {}
    for place, parent in cursor.fetchall():
        below.setdefault(parent, []).append(place)
    for tree in below.get(None, []):
        path, left, number = [(tree, iter(below.get(tree, [])))], {tree: 1}, 1
        while path:
            place, children = path[-1]
            child = next(children, None)
            number += 1
            if child is None:
                path.pop()
                yield place, tree, left[place], number, len(path)
            else:
                left[child] = number
                path.append((child, iter(below.get(child, []))))


def copy_by_rows(connection, cursor, schema, url):
    """A place is looked for by its code, and written when it differs; a commit a page."""
    values = ", ".join(["%s"] * len(TOLD))
    insert = f"INSERT INTO {schema}.location ({', '.join(TOLD)}, parent_id, external_source) VALUES ({values}, %s, 'CARTO')"
    update = (f"UPDATE {schema}.location t SET ({', '.join(TOLD)}, parent_id) = ROW({values}, %s) WHERE id = %s"
              f" AND ({', '.join('t.' + c for c in TOLD)}, t.parent_id) IS DISTINCT FROM ({values}, %s)")
    for table, (level, _name) in LEVELS.items():
        parents = {}
        for page in pages(url, table):
            for row in page:
                place = place_of(table, row)
                parent = place[4]
                if parent and parent not in parents:
                    cursor.execute(f"SELECT id FROM {schema}.location WHERE p_code = %s AND admin_level < %s AND is_active", (parent, level))
                    parents[parent] = (cursor.fetchone() or [None])[0]
                cursor.execute(f"SELECT id FROM {schema}.location WHERE p_code = %s AND is_active", (place[1],))
                known = cursor.fetchone()
                if known:
                    cursor.execute(update, place + (parents.get(parent),) + known + place + (parents.get(parent),))
                else:
                    cursor.execute(insert, place + (parents.get(parent),))
            connection.commit()
    sets = list(nested_sets(cursor, schema))
    cursor.executemany(f"UPDATE {schema}.location SET tree_id = %s, lft = %s, rght = %s, level = %s WHERE id = %s AND (tree_id, lft, rght, level) IS DISTINCT FROM (%s, %s, %s, %s)",
                       [(tree, left, right, level, place, tree, left, right, level) for place, tree, left, right, level in sets])


def copy_by_stage(_connection, cursor, schema, url):
    """All places in memory, then one COPY."""
    send(cursor, "places", f"SELECT {', '.join(TOLD)} FROM {schema}.location",
         [place_of(table, row) for table in LEVELS for page in pages(url, table) for row in page])
    cursor.execute("CREATE INDEX ON places (p_code)")
    cursor.execute(f"UPDATE {schema}.location t SET {', '.join(f'{c} = p.{c}' for c in TOLD)} FROM places p WHERE t.p_code = p.p_code AND t.is_active"
                   f" AND {differing(TOLD, 't', 'p')}")
    cursor.execute(f"INSERT INTO {schema}.location ({', '.join(TOLD)}, external_source) SELECT {', '.join('p.' + c for c in TOLD)}, 'CARTO' FROM places p"
                   f" WHERE NOT EXISTS (SELECT FROM {schema}.location l WHERE l.p_code = p.p_code AND l.is_active)")
    cursor.execute(f"UPDATE {schema}.location t SET parent_id = p.id FROM {schema}.location p WHERE p.p_code = t.parent_p_code AND p.admin_level < t.admin_level"
                   " AND p.is_active AND t.parent_id IS DISTINCT FROM p.id")
    send(cursor, "sets", f"SELECT id, tree_id, lft, rght, level FROM {schema}.location", nested_sets(cursor, schema))
    cursor.execute(f"UPDATE {schema}.location t SET tree_id = s.tree_id, lft = s.lft, rght = s.rght, level = s.level FROM sets s WHERE t.id = s.id"
                   f" AND {differing(['tree_id', 'lft', 'rght', 'level'], 't', 's')}")
