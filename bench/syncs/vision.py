"""One answer of VISION, fund reservations with three lines each: 200,000 rows are 155 MB."""
import json
import os
from decimal import Decimal

from common import Pages, changes, differing, send

NAME, HANDLER, ARGUMENTS, UPSTREAM = "vision", "vision.fund_reservation", {"business_area": "0060"}, "VISION"
ROWS = 200000
TABLES = ["fr_header", "fr_item"]
MONTHS = {name: number for number, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}
HEADER = ["fr_number", "vendor_code", "document_date", "fr_type", "currency", "document_text", "start_date", "end_date", "intervention_amt", "actual_amt",
          "actual_amt_local", "outstanding_amt", "outstanding_amt_local", "multi_curr_flag", "completed_flag"]
ITEM = ["fr_number", "line_item", "fr_ref_number", "wbs", "grant_number", "donor", "donor_code", "fund", "overall_amount", "overall_amount_dc", "line_item_text", "due_date"]
COMPARED = {
    "fr_header, fr_item": "SELECT " + ", ".join([f"h.{c}" for c in HEADER + ["total_amt", "total_amt_local"]] + [f"i.{c}" for c in ITEM[1:]])
                          + " FROM {0}.fr_header h JOIN {0}.fr_item i ON i.fund_reservation_id = h.id",
}


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


class Upstream:
    """The answer lies in a file: it is far larger than what should be held."""

    def __init__(self, folder, count):
        self.count, self.path = count, os.path.join(folder, "answer.json")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write('{"ROWSET":{"ROW":[')
            for n in range(count):
                file.write(("," if n else "") + json.dumps(made_row(n)))
            file.write("]}}")

    def bytes(self):
        return os.path.getsize(self.path)

    def answer(self, _path, _query, _form):
        return open(self.path, "rb")


# The Python programs ------------------------------------------------------------------------------------------------


def prepare(cursor, schema):
    cursor.execute("INSERT INTO registry.workspace (title, workspace_code, business_area_code) SELECT 'Bench', 'BN', '0060' WHERE NOT EXISTS (SELECT FROM registry.workspace)")


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
    return Pages(url).get("/fundsreservations/?businessarea=0060", {"Ocp-Apim-Subscription-Key": "bench"})["ROWSET"]["ROW"]


def upsert_headers(schema, source):
    return (f"INSERT INTO {schema}.fr_header AS t ({', '.join(HEADER)}, country_id) {source} ON CONFLICT (fr_number, country_id)"
            f" DO UPDATE SET {changes(HEADER, ['fr_number'])} WHERE {differing(HEADER)}")


def upsert_items(schema, source):
    columns = ITEM[1:]
    return (f"INSERT INTO {schema}.fr_item AS t (fund_reservation_id, {', '.join(columns)}) {source} ON CONFLICT (fund_reservation_id, line_item)"
            f" DO UPDATE SET {changes(columns, ['line_item'])} WHERE {differing(columns)}")


def total(schema):
    return (f"UPDATE {schema}.fr_header h SET total_amt = s.usd, total_amt_local = s.local FROM (SELECT fund_reservation_id, sum(overall_amount) AS usd,"
            f" sum(overall_amount_dc) AS local FROM {schema}.fr_item GROUP BY 1) s WHERE s.fund_reservation_id = h.id AND (h.total_amt, h.total_amt_local)"
            " IS DISTINCT FROM (s.usd, s.local)")


def copy_by_rows(_connection, cursor, schema, url):
    """What an importer with an ORM does, without the ORM: a statement a row."""
    header = upsert_headers(schema, f"VALUES ({', '.join(['%s'] * len(HEADER))}, 1)")
    item = upsert_items(schema, f"SELECT h.id, {', '.join(['%s'] * (len(ITEM) - 1))} FROM {schema}.fr_header h WHERE h.fr_number = %s")
    seen = set()
    for row in fetch(url):
        if row["FR_NUMBER"] not in seen:
            seen.add(row["FR_NUMBER"])
            cursor.execute(header, header_of(row))
        values = item_of(row)
        cursor.execute(item, values[1:] + values[:1])
    cursor.execute(total(schema))


def copy_by_stage(_connection, cursor, schema, url):
    rows, first = fetch(url), {}
    for row in rows:
        first.setdefault(row["FR_NUMBER"], row)
    both = f"FROM {schema}.fr_header h JOIN {schema}.fr_item i ON i.fund_reservation_id = h.id"
    send(cursor, "headers", f"SELECT {', '.join('h.' + c for c in HEADER)} {both}", map(header_of, first.values()))
    send(cursor, "items", f"SELECT h.fr_number, {', '.join('i.' + c for c in ITEM[1:])} {both}", map(item_of, rows))
    cursor.execute(upsert_headers(schema, f"SELECT {', '.join(HEADER)}, 1 FROM headers"))
    cursor.execute(upsert_items(schema, f"SELECT h.id, {', '.join('i.' + c for c in ITEM[1:])} FROM items i JOIN {schema}.fr_header h USING (fr_number)"))
    cursor.execute(total(schema))
