"""What the cases share: asking for pages over one connection, sending rows with COPY, the words of an upsert."""
import http.client
import io
import json
import urllib.parse


class Pages:
    """One connection for all questions, as the libraries of such upstreams keep it."""

    def __init__(self, url):
        address = urllib.parse.urlsplit(url)
        self.connection, self.path = http.client.HTTPConnection(address.netloc, timeout=400), address.path

    def ask(self, method, target, body=None, headers=None):
        self.connection.request(method, self.path + target, body, headers or {})
        answer = self.connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{method} {target}: {answer.status}")
        return json.load(answer)

    def get(self, target, headers=None):
        return self.ask("GET", target, None, headers)

    def post(self, target, form):
        return self.ask("POST", target, urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})


def changes(columns, keys):
    return ", ".join(f"{c} = excluded.{c}" for c in columns if c not in keys)


def differing(columns, one="t", other="excluded"):
    return f"({', '.join(f'{one}.{c}' for c in columns)}) IS DISTINCT FROM ({', '.join(f'{other}.{c}' for c in columns)})"


def text_of(value):
    return "\\N" if value is None else str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def send(cursor, table, shape, values):
    """Into a temporary table of the shape of this query."""
    cursor.execute(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS {shape} WITH NO DATA")
    lines = io.StringIO()
    for value in values:
        lines.write("\t".join(map(text_of, value)) + "\n")
    lines.seek(0)
    cursor.copy_expert(f"COPY {table} FROM STDIN", lines)
