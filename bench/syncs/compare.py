#!/usr/bin/python3
"""Syncs beside Python programs that do the same: what one upstream answers is copied three ways from the same server into tables of the same shape, by drumbeat, by a
Python program that upserts row by row, and by one that sends rows with COPY. Each is run twice; the second time nothing has changed. Rows a second, the
peak memory of the process that did the work, rows and WAL written. In the end the three sets of tables have to hold the same.

    bench/run syncs [CASE] [ROWS]     a case is one of vision (the default), dhis2, carto; each has its number of rows
"""
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

try:
    import psycopg2
    from psycopg2.extras import RealDictCursor
except ImportError:
    sys.exit("bench/syncs: the package python3-psycopg2 is not installed")

import carto
import dhis2
import vision

CASES = {case.NAME: case for case in (vision, dhis2, carto)}
SCHEMAS = {"by_copy": "Python, COPY", "by_rows": "Python, row by row"}


def serve(upstream):
    """The upstream at an address of this machine, to whoever asks. Head and body go at once; an answer may be an open file."""

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16

        def do_GET(self):
            self.answer(None)

        def do_POST(self):
            self.answer(urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def answer(self, form):
            address = urllib.parse.urlsplit(self.path)
            body = upstream.answer(address.path, urllib.parse.parse_qs(address.query), form)
            self.send_response(200)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            if isinstance(body, str):
                body = body.encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            with body:
                self.send_header("Content-Length", str(os.fstat(body.fileno()).st_size))
                self.end_headers()
                shutil.copyfileobj(body, self.wfile, 1 << 20)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def python_program(case, schema, url):
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        {"by_rows": case.copy_by_rows, "by_copy": case.copy_by_stage}[schema](connection, cursor, schema, url)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def python(case, schema):
    def run(_connection, url):
        return int(subprocess.run([sys.executable, __file__, "--way", case.NAME, schema, url], check=True, stdout=subprocess.PIPE, text=True).stdout)

    return run


def drumbeat(case):
    """The peak is the child's that ran the task, as its attempt has it."""
    program = os.environ.get("PROGRAM") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "drumbeat")

    def run(connection, url):
        environment = dict(os.environ, **{f"DRUMBEAT_UPSTREAMS_{case.UPSTREAM}_URL": url, f"DRUMBEAT_UPSTREAMS_{case.UPSTREAM}_KEY": "bench", f"{case.UPSTREAM}_PASSWORD": "bench"})
        done = subprocess.run([program, "run", case.HANDLER, "--args", json.dumps(case.ARGUMENTS)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(done.stdout)
        with connection.cursor() as cursor:
            cursor.execute("SELECT peak_rss FROM drumbeat.attempt ORDER BY fence DESC LIMIT 1")
            return cursor.fetchone()[0]

    return run


# Measuring ----------------------------------------------------------------------------------------------------------


def written(cursor, case):
    cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0' AS wal, (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
                   " WHERE schemaname = ANY (%s) AND relname = ANY (%s)) AS rows", (["registry", *SCHEMAS], case.TABLES))
    return cursor.fetchone()


def measure(connection, case, name, run, upstream, url):
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        for round_name in ("all new", "nothing changed"):
            cursor.execute("CHECKPOINT")
            before = written(cursor, case)
            began = time.monotonic()
            peak = run(connection, url)
            took = time.monotonic() - began
            time.sleep(1.5)  # statistics of another session
            after = written(cursor, case)
            print(f"{name:22} {round_name:16} {upstream.count / took:10,.0f} rows/s  {took:7.2f} s  peak {peak / 2**20:7.1f} MiB  {int(after['rows'] - before['rows']):8,}"
                  f" rows written  {float(after['wal'] - before['wal']) / 2**20:8.1f} MiB of WAL", flush=True)


def prepare(connection, case):
    """The same tables once more, indexes and foreign keys too, for each Python program."""
    with connection.cursor() as cursor:
        for schema in SCHEMAS:
            cursor.execute(f"CREATE SCHEMA {schema}")
            for table in case.TABLES:
                cursor.execute(f"CREATE TABLE {schema}.{table} (LIKE registry.{table} INCLUDING ALL)")
            cursor.execute("SELECT relname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
                           " WHERE k.contype = 'f' AND c.relnamespace = 'registry'::regnamespace AND relname = ANY (%s)", (case.TABLES,))
            for table, constraint in cursor.fetchall():
                for other in case.TABLES:
                    constraint = constraint.replace(f"registry.{other}(", f"{schema}.{other}(")
                cursor.execute(f"ALTER TABLE {schema}.{table} ADD {constraint}")
            case.prepare(cursor, schema)


def differences(connection, case):
    with connection.cursor() as cursor:
        for schema in SCHEMAS:
            for table, rows in case.COMPARED.items():
                ours, theirs = rows.format("registry"), rows.format(schema)
                cursor.execute(f"SELECT count(*) FROM ((({ours}) EXCEPT ({theirs})) UNION ALL (({theirs}) EXCEPT ({ours}))) d")
                yield schema, table, cursor.fetchone()[0]


def main(case, count):
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    prepare(connection, case)
    with tempfile.TemporaryDirectory() as folder:
        upstream = case.Upstream(folder, count)
        print(f"{case.NAME}: {upstream.count:,} rows, {upstream.bytes() / 1e6:.0f} MB", flush=True)
        url = serve(upstream)
        measure(connection, case, "drumbeat", drumbeat(case), upstream, url)
        for schema, name in SCHEMAS.items():
            measure(connection, case, name, python(case, schema), upstream, url)
    found = list(differences(connection, case))
    for schema, table, count in found:
        print(f"drumbeat and {schema}, {table}: {count} rows differ")
    sys.exit(any(count for _schema, _table, count in found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        python_program(CASES[sys.argv[2]], sys.argv[3], sys.argv[4])
    else:
        words = sys.argv[1:]
        chosen = CASES[words.pop(0)] if words and words[0] in CASES else vision
        main(chosen, int(words[0]) if words else chosen.ROWS)
