#!/usr/bin/python3
"""One answer of VISION, fund reservations with three lines each, copied three ways from the same server into tables of the same shape: by drumbeat, by a
Python program that upserts row by row, and by one that sends rows with COPY. Each is run twice; the second time nothing has changed. Rows a second, the
peak memory of the process that did the work, rows and WAL written. In the end the three tables have to hold the same.

    bench/run syncs [ROWS]        200,000 rows, the default, are an answer of 155 MB
"""
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

try:
    import psycopg2
    from psycopg2.extras import RealDictCursor
except ImportError:
    sys.exit("bench/syncs.py: the package python3-psycopg2 is not installed")

AREA, KEY = "0060", "bench"
MONTHS = {name: number for number, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}
HEADER = ["fr_number", "vendor_code", "document_date", "fr_type", "currency", "document_text", "start_date", "end_date", "intervention_amt", "actual_amt",
          "actual_amt_local", "outstanding_amt", "outstanding_amt_local", "multi_curr_flag", "completed_flag"]
ITEM = ["fr_number", "line_item", "fr_ref_number", "wbs", "grant_number", "donor", "donor_code", "fund", "overall_amount", "overall_amount_dc", "line_item_text", "due_date"]


def made_row(n):
    """Row n of the answer, as VISION writes it: texts, commas, two-digit years."""
    number, line = n // 3, n % 3 + 1
    return {
        "VENDOR_CODE": f"{2500000000 + number % 4000}", "FR_NUMBER": f"{number:010d}", "FR_DOC_DATE": f"{number % 28 + 1:02d}-FEB-{number % 20 + 5:02d}", "FR_TYPE": "PCA",
        "CURRENCY": "USD", "FR_DOCUMENT_TEXT": f"Reservation {number} for water, schools, health", "FR_START_DATE": "01-Jan-24", "FR_END_DATE": "31-DEC-25",
        "LINE_ITEM": str(line), "WBS_ELEMENT": f"0060/A0/06/{line:03d}/001/001", "GRANT_REF": f"SC{n % 900:06d}", "DONOR_NAME": "A donor", "DONOR_CODE": "G45601",
        "FUND": "GC", "OVERALL_AMOUNT": f"{n * 7.25 + 1000:,.2f}", "OVERALL_AMOUNT_DC": f"{n * 9.5:,.2f}", "FR_LINE_ITEM_TEXT": f"Line {line} of it",
        "DUE_DATE": f"{n % 28 + 1:02d}-MAR-25", "FR_OVERALL_AMOUNT": "0.00", "CURRENT_FR_AMOUNT": f"{number * 3 + 0.5:,.2f}", "ACTUAL_CASH_TRANSFER": "10.00",
        "ACTUAL_CASH_TRANSFER_DC": "12.00", "OUTSTANDING_DCT": "0.00", "OUTSTANDING_DCT_DC": None, "MULTI_CURR_FLAG": "N", "COMPLETED_FLAG": "X" if number % 4 == 0 else None,
    }


def write_answer(path, count):
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"ROWSET":{"ROW":[')
        for n in range(count):
            file.write(("," if n else "") + json.dumps(made_row(n)))
        file.write("]}}")
    return os.path.getsize(path)


def serve(path):
    """The answer at an address of this machine, to whoever asks."""

    class Upstream(BaseHTTPRequestHandler):
        def do_GET(self):
            with open(path, "rb") as file:
                self.send_response(200)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(os.path.getsize(path)))
                self.end_headers()
                shutil.copyfileobj(file, self.wfile, 1 << 20)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


# The Python programs ------------------------------------------------------------------------------------------------


def amount(text):
    return Decimal(text.replace(",", "")) if text else Decimal(0)


def day(text):
    number, month, year = text.split("-")
    year = int(year)
    return f"{year + (2000 if year < 69 else 1900)}-{MONTHS[month.upper()]:02d}-{int(number):02d}"


def flag(text):
    return text is not None and text != "N"


def header_of(row):
    return (row["FR_NUMBER"], row["VENDOR_CODE"], day(row["FR_DOC_DATE"]), row["FR_TYPE"], row["CURRENCY"], row["FR_DOCUMENT_TEXT"], day(row["FR_START_DATE"]),
            day(row["FR_END_DATE"]), amount(row["CURRENT_FR_AMOUNT"]), amount(row["ACTUAL_CASH_TRANSFER"]), amount(row["ACTUAL_CASH_TRANSFER_DC"]),
            amount(row["OUTSTANDING_DCT"]), amount(row["OUTSTANDING_DCT_DC"]), flag(row["MULTI_CURR_FLAG"]), flag(row["COMPLETED_FLAG"]))


def item_of(row):
    return (row["FR_NUMBER"], int(row["LINE_ITEM"]), row["FR_NUMBER"] + "-" + row["LINE_ITEM"], row["WBS_ELEMENT"], row["GRANT_REF"], row["DONOR_NAME"],
            row["DONOR_CODE"], row["FUND"], amount(row["OVERALL_AMOUNT"]), amount(row["OVERALL_AMOUNT_DC"]), row["FR_LINE_ITEM_TEXT"], day(row["DUE_DATE"]))


def fetch(url):
    request = urllib.request.Request(f"{url}/vision/fundsreservations/?businessarea={AREA}", headers={"Ocp-Apim-Subscription-Key": KEY})
    with urllib.request.urlopen(request, timeout=400) as answer:
        return json.load(answer)["ROWSET"]["ROW"]


def changes(columns, keys):
    return ", ".join(f"{c} = excluded.{c}" for c in columns if c not in keys)


def upsert_headers(schema, source):
    columns = ", ".join(HEADER)
    differing = ", ".join(f"t.{c}" for c in HEADER), ", ".join(f"excluded.{c}" for c in HEADER)
    return (f"INSERT INTO {schema}.fr_header AS t ({columns}, country_id) {source} ON CONFLICT (fr_number, country_id) DO UPDATE SET {changes(HEADER, ['fr_number'])}"
            f" WHERE ({differing[0]}) IS DISTINCT FROM ({differing[1]})")


def upsert_items(schema, source):
    columns = ITEM[1:]
    differing = ", ".join(f"t.{c}" for c in columns), ", ".join(f"excluded.{c}" for c in columns)
    return (f"INSERT INTO {schema}.fr_item AS t (fund_reservation_id, {', '.join(columns)}) {source} ON CONFLICT (fund_reservation_id, line_item)"
            f" DO UPDATE SET {changes(columns, ['line_item'])} WHERE ({differing[0]}) IS DISTINCT FROM ({differing[1]})")


def total(schema):
    return (f"UPDATE {schema}.fr_header h SET total_amt = s.usd, total_amt_local = s.local FROM (SELECT fund_reservation_id, sum(overall_amount) AS usd,"
            f" sum(overall_amount_dc) AS local FROM {schema}.fr_item GROUP BY 1) s WHERE s.fund_reservation_id = h.id AND (h.total_amt, h.total_amt_local)"
            " IS DISTINCT FROM (s.usd, s.local)")


def copy_by_rows(cursor, rows):
    """What an importer with an ORM does, without the ORM: a statement a row."""
    header = upsert_headers("by_rows", f"VALUES ({', '.join(['%s'] * len(HEADER))}, 1)")
    item = upsert_items("by_rows", f"SELECT h.id, {', '.join(['%s'] * (len(ITEM) - 1))} FROM by_rows.fr_header h WHERE h.fr_number = %s")
    seen = set()
    for row in rows:
        if row["FR_NUMBER"] not in seen:
            seen.add(row["FR_NUMBER"])
            cursor.execute(header, header_of(row))
        values = item_of(row)
        cursor.execute(item, values[1:] + values[:1])
    cursor.execute(total("by_rows"))


def copy_by_stage(cursor, rows):
    def send(table, columns, values):
        cursor.execute(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS SELECT {', '.join(columns)} FROM by_copy.shape WITH NO DATA")
        lines = io.StringIO()
        for value in values:
            lines.write("\t".join("\\N" if v is None else str(v) for v in value) + "\n")
        lines.seek(0)
        cursor.copy_expert(f"COPY {table} FROM STDIN", lines)

    first = {}
    for row in rows:
        first.setdefault(row["FR_NUMBER"], row)
    send("headers", HEADER, map(header_of, first.values()))
    send("items", ITEM, map(item_of, rows))
    cursor.execute(upsert_headers("by_copy", f"SELECT {', '.join(HEADER)}, 1 FROM headers"))
    cursor.execute(upsert_items("by_copy", f"SELECT h.id, {', '.join('i.' + c for c in ITEM[1:])} FROM items i JOIN by_copy.fr_header h USING (fr_number)"))
    cursor.execute(total("by_copy"))


def python_program(way, url):
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        {"rows": copy_by_rows, "copy": copy_by_stage}[way](cursor, fetch(url))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


# Measuring ----------------------------------------------------------------------------------------------------------


def drumbeat(connection, url):
    """The peak is the child's that ran the task, as its attempt has it."""
    environment = dict(os.environ, DRUMBEAT_UPSTREAMS_VISION_URL=url + "/vision", DRUMBEAT_UPSTREAMS_VISION_KEY=KEY)
    subprocess.run([program(), "run", "vision.fund_reservation", "--args", json.dumps({"business_area": AREA})], env=environment, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with connection.cursor() as cursor:
        cursor.execute("SELECT peak_rss FROM drumbeat.attempt ORDER BY fence DESC LIMIT 1")
        return cursor.fetchone()[0]


def python(way):
    def run(_connection, url):
        return int(subprocess.run([sys.executable, __file__, "--way", way, url], check=True, capture_output=True, text=True).stdout)

    return run


def program():
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "drumbeat")


def written(cursor):
    cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0' AS wal, (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
                   " WHERE schemaname IN ('registry', 'by_rows', 'by_copy') AND relname IN ('fr_header', 'fr_item')) AS rows")
    return cursor.fetchone()


def measure(connection, name, run, url, count):
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        for round_name in ("all new", "nothing changed"):
            cursor.execute("CHECKPOINT")
            before = written(cursor)
            began = time.monotonic()
            peak = run(connection, url)
            took = time.monotonic() - began
            time.sleep(1.5)  # statistics of another session
            after = written(cursor)
            print(f"{name:22} {round_name:16} {count / took:10,.0f} rows/s  {took:7.2f} s  peak {peak / 2**20:7.1f} MiB  {int(after['rows'] - before['rows']):8,} rows written"
                  f"  {float(after['wal'] - before['wal']) / 2**20:8.1f} MiB of WAL", flush=True)


def prepare(connection):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Bench', 'BN', %s)", (AREA,))
        for schema in ("by_rows", "by_copy"):
            cursor.execute(f"CREATE SCHEMA {schema}")
            for table in ("fr_header", "fr_item"):
                cursor.execute(f"CREATE TABLE {schema}.{table} (LIKE registry.{table} INCLUDING ALL)")
        cursor.execute(f"CREATE VIEW by_copy.shape AS SELECT {', '.join('h.' + c for c in HEADER)}, {', '.join('i.' + c for c in ITEM[1:])}"
                       " FROM by_copy.fr_header h JOIN by_copy.fr_item i ON i.fund_reservation_id = h.id")


def differences(connection):
    columns = ", ".join([f"h.{c}" for c in HEADER + ["total_amt", "total_amt_local"]] + [f"i.{c}" for c in ITEM[1:]])
    rows = "SELECT %s FROM {0}.fr_header h JOIN {0}.fr_item i ON i.fund_reservation_id = h.id" % columns
    with connection.cursor() as cursor:
        for schema in ("by_rows", "by_copy"):
            ours, theirs = rows.format("registry"), rows.format(schema)
            cursor.execute(f"SELECT count(*) FROM ((({ours}) EXCEPT ({theirs})) UNION ALL (({theirs}) EXCEPT ({ours}))) d")
            yield schema, cursor.fetchone()[0]


def main(count):
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    prepare(connection)
    with tempfile.TemporaryDirectory() as folder:
        answer = os.path.join(folder, "answer.json")
        print(f"{count:,} rows, {write_answer(answer, count) / 1e6:.0f} MB", flush=True)
        url = serve(answer)
        measure(connection, "drumbeat", drumbeat, url, count)
        measure(connection, "Python, COPY", python("copy"), url, count)
        measure(connection, "Python, row by row", python("rows"), url, count)
    for schema, found in differences(connection):
        print(f"drumbeat and {schema}: {found} rows differ")
        if found:
            sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        python_program(sys.argv[2], sys.argv[3])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 200000)
