"""A pyramid of org units, each above twenty others, in pages of 500 as DHIS2 answers them. All but the uppermost are in two groups; most are points, the others areas."""
import json

from common import Pages, changes, differing, send

NAME, HANDLER, ARGUMENTS, UPSTREAM = "dhis2", "dhis2.org_units", {"data_source": "Bench", "version": 1}, "DHIS2"
ROWS, PAGE = 50000, 500
TABLES = ["org_unit", "org_unit_group", "org_unit_group_member"]
GROUPS = ["Hospital", "Clinic", "Post", "Public", "Mission", "Private"]
LEVELS = ["Country", "Region", "District", "Chiefdom", "Facility", "Ward"]
BELOW = 20
UNIT = ["source_ref", "name", "code", "parent_source_ref", "opening_date", "geom", "location"]

COMPARED = {
    "org_unit": "SELECT u.source_ref, u.name, u.code, u.parent_source_ref, p.source_ref AS parent, u.opening_date, u.geom, u.location, u.validation_status,"
                " array_length(string_to_array(u.path, '.'), 1) AS depth FROM {0}.org_unit u LEFT JOIN {0}.org_unit p ON p.id = u.parent_id",
    "org_unit_group_member": "SELECT u.source_ref, g.source_ref AS group_ref, g.name FROM {0}.org_unit_group_member m"
                             " JOIN {0}.org_unit u ON u.id = m.org_unit_id JOIN {0}.org_unit_group g ON g.id = m.org_unit_group_id",
}


def level_of(n):
    level = 1
    while n:
        n, level = (n - 1) // BELOW, level + 1
    return level


def made_unit(n):
    x, y = n % 3000 / 100 - 15, n % 1700 / 100 + 4
    unit = {"id": f"u{n:010d}", "name": f"Place {n} of the river", "code": f"OU_{n}", "level": level_of(n), "openingDate": f"{1970 + n % 50}-01-01T00:00:00.000",
            "organisationUnitGroups": [{"id": f"g{g:010d}", "name": GROUPS[g]} for g in (n % 3, 3 + n % 3)] if n > 20 else []}
    if n > 0:
        unit["parent"] = {"id": f"u{(n - 1) // BELOW:010d}"}
    if n > 500:
        unit["geometry"] = {"type": "Point", "coordinates": [x, y]}
    else:
        unit["geometry"] = {"type": "Polygon", "coordinates": [[[round(x + i % 7 / 8, 4), round(y + i / 40, 4)] for i in range(20)] + [[round(x, 4), round(y, 4)]]]}
    return unit


class Upstream:
    def __init__(self, _folder, count):
        self.count = count
        self.units = [json.dumps(made_unit(n)) for n in range(count)]

    def bytes(self):
        return sum(map(len, self.units))

    def answer(self, path, query, _body):
        if path.endswith("organisationUnitLevels"):
            return json.dumps({"organisationUnitLevels": [{"id": f"l{i}", "level": i, "name": name} for i, name in enumerate(LEVELS, 1)]})
        if path.endswith("organisationUnitGroupSets"):
            return '{"organisationUnitGroupSets":[]}'
        size, page = int(query["pageSize"][0]), int(query["page"][0])
        pages = -(-self.count // size)
        units = ",".join(self.units[(page - 1) * size:page * size])
        return f'{{"pager":{{"page":{page},"pageCount":{pages},"total":{self.count},"pageSize":{size}}},"organisationUnits":[{units}]}}'


# The Python programs ------------------------------------------------------------------------------------------------


def prepare(cursor, schema):
    cursor.execute("INSERT INTO registry.data_source (name) VALUES ('Python') ON CONFLICT DO NOTHING")
    cursor.execute("INSERT INTO registry.source_version (data_source_id, number) SELECT id, 0 FROM registry.data_source WHERE name = 'Python' ON CONFLICT DO NOTHING")


def pages(url):
    upstream, page, count = Pages(url), 1, 1
    while page <= count:
        fields = "id,name,path,coordinates,geometry,parent,organisationUnitGroups%5Bid,name%5D,level,openingDate,closedDate,code"
        answer = upstream.get(f"/api/organisationUnits.json?fields={fields}&order=id:asc&pageSize={PAGE}&page={page}&totalPages=true")
        count, page = answer["pager"]["pageCount"], page + 1
        yield answer["organisationUnits"]


def unit_of(unit):
    shape = unit.get("geometry") or {}
    area = {"type": "MultiPolygon", "coordinates": [shape["coordinates"]]} if shape.get("type") == "Polygon" else None
    return (unit["id"], unit["name"].strip(), (unit.get("code") or "").strip(), (unit.get("parent") or {}).get("id"), unit["openingDate"][:10],
            json.dumps(area) if area else None, json.dumps(shape) if shape.get("type") == "Point" else None)


def upsert_units(schema, source):
    return (f"INSERT INTO {schema}.org_unit AS t ({', '.join(UNIT)}, version_id) {source} ON CONFLICT (version_id, source_ref)"
            f" DO UPDATE SET {changes(UNIT, ['source_ref'])} WHERE {differing(UNIT)}")


def finish(cursor, schema):
    cursor.execute(f"UPDATE {schema}.org_unit u SET parent_id = p.id FROM {schema}.org_unit p WHERE p.version_id = u.version_id AND p.source_ref = u.parent_source_ref"
                   " AND u.parent_id IS DISTINCT FROM p.id")
    cursor.execute(f"WITH RECURSIVE tree(id, path) AS (SELECT id, id::text FROM {schema}.org_unit WHERE parent_id IS NULL UNION ALL SELECT u.id, t.path || '.' || u.id"
                   f" FROM tree t JOIN {schema}.org_unit u ON u.parent_id = t.id) UPDATE {schema}.org_unit u SET path = t.path FROM tree t WHERE t.id = u.id"
                   " AND u.path IS DISTINCT FROM t.path")


def version_of(cursor):
    cursor.execute("SELECT v.id FROM registry.source_version v JOIN registry.data_source d ON d.id = v.data_source_id WHERE d.name = 'Python'")
    return cursor.fetchone()[0]


def copy_by_rows(connection, cursor, schema, url):
    """A statement a unit, one a group of it and one for the groups it has left; a commit a page."""
    version = version_of(cursor)
    unit_sql = upsert_units(schema, f"VALUES ({', '.join(['%s'] * len(UNIT))}, {version})")
    group_sql = (f"INSERT INTO {schema}.org_unit_group AS g (source_version_id, source_ref, name) VALUES ({version}, %s, %s) ON CONFLICT (source_version_id, source_ref)"
                 " DO UPDATE SET name = excluded.name WHERE g.name <> excluded.name")
    member_sql = (f"INSERT INTO {schema}.org_unit_group_member SELECT u.id, g.id FROM {schema}.org_unit u, {schema}.org_unit_group g WHERE u.version_id = {version}"
                  f" AND u.source_ref = %s AND g.source_version_id = {version} AND g.source_ref = %s ON CONFLICT DO NOTHING")
    left_sql = (f"DELETE FROM {schema}.org_unit_group_member m USING {schema}.org_unit u, {schema}.org_unit_group g WHERE u.version_id = {version} AND u.source_ref = %s"
                " AND m.org_unit_id = u.id AND g.id = m.org_unit_group_id AND g.source_ref <> ALL (%s)")
    known = set()
    for page in pages(url):
        for unit in page:
            cursor.execute(unit_sql, unit_of(unit))
            groups = unit["organisationUnitGroups"]
            for group in groups:
                if group["id"] not in known:
                    known.add(group["id"])
                    cursor.execute(group_sql, (group["id"], group["name"]))
                cursor.execute(member_sql, (unit["id"], group["id"]))
            cursor.execute(left_sql, (unit["id"], [group["id"] for group in groups]))
        connection.commit()
    finish(cursor, schema)


def copy_by_stage(_connection, cursor, schema, url):
    """All units in memory, then a COPY each of units, groups and members."""
    version, units = version_of(cursor), [unit for page in pages(url) for unit in page]
    send(cursor, "units", f"SELECT {', '.join(UNIT)} FROM {schema}.org_unit", map(unit_of, units))
    groups = {group["id"]: group["name"] for unit in units for group in unit["organisationUnitGroups"]}
    send(cursor, "groups", f"SELECT source_ref, name FROM {schema}.org_unit_group", groups.items())
    send(cursor, "members", f"SELECT u.source_ref AS unit_ref, g.source_ref AS group_ref FROM {schema}.org_unit u, {schema}.org_unit_group g",
         ((unit["id"], group["id"]) for unit in units for group in unit["organisationUnitGroups"]))
    cursor.execute(upsert_units(schema, f"SELECT {', '.join(UNIT)}, {version} FROM units"))
    cursor.execute(f"INSERT INTO {schema}.org_unit_group AS g (source_version_id, source_ref, name) SELECT {version}, source_ref, name FROM groups"
                   " ON CONFLICT (source_version_id, source_ref) DO UPDATE SET name = excluded.name WHERE g.name <> excluded.name")
    wanted = (f"SELECT u.id AS org_unit_id, g.id AS org_unit_group_id FROM members m JOIN {schema}.org_unit u ON u.version_id = {version} AND u.source_ref = m.unit_ref"
              f" JOIN {schema}.org_unit_group g ON g.source_version_id = {version} AND g.source_ref = m.group_ref")
    cursor.execute(f"WITH wanted AS ({wanted}) DELETE FROM {schema}.org_unit_group_member m WHERE NOT EXISTS (SELECT FROM wanted w WHERE w.org_unit_id = m.org_unit_id"
                   " AND w.org_unit_group_id = m.org_unit_group_id)")
    cursor.execute(f"INSERT INTO {schema}.org_unit_group_member {wanted} ON CONFLICT DO NOTHING")
    finish(cursor, schema)
