/* Long lists one record at a time, from answers of every shape that the upstreams send, and values as older systems write
 * them. */
#include "common/task/record.h"
#include "common/task/geometry.h"
#include "common/task/records.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* What a list of any length may add to what is resident; the sanitizer keeps what was freed. */
#ifdef __SANITIZE_ADDRESS__
enum { GROWTH_MAX_KIB = 512 << 10 };
#else
enum { GROWTH_MAX_KIB = 4 << 10 };
#endif

static struct records *open_answer(const char *answer, const char *path, struct err *e)
{
    int fd = memfd_create("answer", MFD_CLOEXEC);
    ck_assert(fd >= 0 && write(fd, answer, strlen(answer)) == (ssize_t)strlen(answer));
    return records_open(fd, path, e);
}

/* All records with blanks between; "!" for one that cannot be read. */
static void read_all(struct records *records, struct text *out)
{
    struct record record;
    while (records_next(records, &record)) {
        text_puts(out, out->len > 0 ? " " : "");
        if (record.json)
            js_write(out, record.json);
        else
            text_putc(out, '!');
    }
}

static const struct {
    const char *what, *answer, *path, *records;
} shapes[] = {
    {"an array at the path", "{\"ROWSET\": {\"ROW\": [{\"a\":1}, {\"a\":2}]}}", "ROWSET.ROW", "{\"a\":1} {\"a\":2}"},
    {"one object is a list of one", "{\"ROWSET\":{\"ROW\":{\"a\":1}}}", "ROWSET.ROW", "{\"a\":1}"},
    {"an empty object is nothing", "{}", "ROWSET.ROW", ""},
    {"an empty set is nothing", "{\"ROWSET\":{}}", "ROWSET.ROW", ""},
    {"an empty row is nothing", "{\"ROWSET\":{\"ROW\":{}}}", "ROWSET.ROW", ""},
    {"null is nothing", "{\"ROWSET\":{\"ROW\":null}}", "ROWSET.ROW", ""},
    {"null on the way is nothing", "{\"ROWSET\":null}", "ROWSET.ROW", ""},
    {"words for nothing", "\"No Data Available\"", "ROWSET.ROW", ""},
    {"an empty string is nothing", "\"\"", "ROWSET.ROW", ""},
    {"a bare array", " [ {\"a\":1} , 2 ] ", "ROWSET.ROW", "{\"a\":1} 2"},
    {"a text in a string", "\"[{\\\"a\\\":\\\"x \\\\\\\"y\\\\\\\" \\u00e9\\\"}]\"", "ROWSET.ROW", "{\"a\":\"x \\\"y\\\" é\"}"},
    {"a character of four bytes in a string", "\"[{\\\"a\\\":\\\"\\ud83d\\ude00\\\"}]\"", "R", "{\"a\":\"😀\"}"},
    {"a mangled ampersand", "\"{\\\"R\\\":[{\\\"a\\\":\\\"x u0026 y\\\"},{\\\"a\\\":\\\"\\\\u0026\\\"}]}\"", "R",
     "{\"a\":\"x & y\"} {\"a\":\"&\"}"},
    {"brackets in strings", "{\"rows\":[{\"a\":\"]}\\\"[{\"}]}", "rows", "{\"a\":\"]}\\\"[{\"}"},
    {"members around the list", "{\"time\":[1,{\"x\":2}],\"rows\":[1,2],\"total\":2}", "rows", "1 2"},
    {"a bad record among good ones", "{\"rows\":[{\"a\":1},{\"a\":1,\"a\":2},{\"a\":3}]}", "rows", "{\"a\":1} ! {\"a\":3}"},
    {"an empty list", "{\"rows\":[ ]}", "rows", ""},
    {"no such member", "{\"other\":[1]}", "rows", ""},
    {"behind a byte order mark", "\xEF\xBB\xBF{\"rows\":[1,2]}", "rows", "1 2"},
    {"a text in a string behind a byte order mark", "\xEF\xBB\xBF\"[{\\\"a\\\":1}]\"", "rows", "{\"a\":1}"},
    {"nothing behind a byte order mark", "\xEF\xBB\xBF\"No Data Available\"", "rows", ""},
};

START_TEST(records_are_found_in_every_shape)
{
    struct err e = {0};
    struct text all CLEANUP(text_free) = {0};
    struct records *records CLEANUP(records_freep) = open_answer(shapes[_i].answer, shapes[_i].path, &e);
    ck_assert_msg(records != NULL, "%s: %s", shapes[_i].what, e.text);
    read_all(records, &all);
    ck_assert_msg(strcmp(text_str(&all), shapes[_i].records) == 0, "%s: %s", shapes[_i].what, text_str(&all));
    ck_assert(records_end(records, &e));
}
END_TEST

static const struct {
    const char *what, *answer;
} broken[] = {
    {"cut in a record", "{\"rows\":[{\"a\":1},{\"a\""},
    {"cut between records", "{\"rows\":[{\"a\":1},"},
    {"cut behind the list", "{\"rows\":[{\"a\":1}]"},
    {"cut in a string", "\"[{\\\"a\\\":1}"},
    {"cut text in a whole string", "\"[{\\\"a\\\":1}\""},
    {"something behind the end", "{\"rows\":[]} {}"},
    {"brackets that do not fit", "{\"rows\":[{\"a\":[1}]}]}"},
    {"no bytes", ""},
    {"a byte order mark alone", "\xEF\xBB\xBF"},
    {"half of a byte order mark", "\xEF\xBB{\"rows\":[1]}"},
    {"a page of HTML", "<html></html>"},
    {"words", "\"System is down\""},
    {"a number instead of a list", "{\"rows\":7}"},
    {"the list twice", "{\"rows\":[1],\"rows\":[2]}"},
};

START_TEST(an_answer_that_is_not_whole_is_refused_before_its_first_record)
{
    struct err e = {0};
    struct records *records CLEANUP(records_freep) = open_answer(broken[_i].answer, "rows", &e);
    ck_assert_msg(records == NULL, "%s: taken", broken[_i].what);
    ck_assert_msg(e.kind == ERR_DATA, "%s: %s", broken[_i].what, e.text);
}
END_TEST

static const struct {
    const char *what, *record, *lifted, *rest; /* lifted "": nothing */
} lifts[] = {
    {"an object", "{\"a\": 1, \"shape\" : {\"x\": \"}\\\"\", \"y\": [1, {}]} , \"b\": 2}", "{\"x\": \"}\\\"\", \"y\": [1, {}]}", "{\"a\":1,\"shape\":null,\"b\":2}"},
    {"an array at the end", "{\"shape\":[1,[2]]}", "[1,[2]]", "{\"shape\":null}"},
    {"what is short stays", "{\"shape\":{}}", "", "{\"shape\":{}}"},
    {"an object in a text", "{\"shape\":\"{\\\"a\\\":[1,\\\"\\\\\\\\\\/\\\"]}\" ,\"b\":2}", "{\"a\":[1,\"\\\\/\"]}", "{\"shape\":null,\"b\":2}"},
    {"any other text stays", "{\"shape\":\"POINT(1 2)\"}", "", "{\"shape\":\"POINT(1 2)\"}"},
    {"a text with other escapes stays", "{\"shape\":\"{\\\"a\\\":\\\"\\u0041\\\"}\"}", "", "{\"shape\":\"{\\\"a\\\":\\\"A\\\"}\"}"},
    {"a number stays", "{\"shape\":12345678}", "", "{\"shape\":12345678}"},
    {"one of the name further in stays", "{\"in\":{\"shape\":[1,2,3]}}", "", "{\"in\":{\"shape\":[1,2,3]}}"},
    {"none", "{\"a\":[{\"b\":null}]}", "", "{\"a\":[{\"b\":null}]}"},
    {"two", "{\"shape\":[1,2,3],\"shape\":[1,2,3]}", "[1,2,3]", "!"},
    {"no object", "[\"shape\",{\"a\":1}]", "", "[\"shape\",{\"a\":1}]"},
    {"no JSON", "{\"shape\" [1,2,3]}", "", "!"},
};

START_TEST(a_large_member_comes_as_its_text)
{
    struct err e = {0};
    struct record record;
    struct text answer CLEANUP(text_free) = {0}, rest CLEANUP(text_free) = {0};
    text_printf(&answer, "{\"rows\":[%s]}", lifts[_i].record);
    struct records *records CLEANUP(records_freep) = open_answer(text_str(&answer), "rows", &e);
    ck_assert_msg(records != NULL, "%s: %s", lifts[_i].what, e.text);
    records_lift(records, "shape");
    ck_assert(records_next(records, &record));
    if (record.json)
        js_write(&rest, record.json);
    else
        text_puts(&rest, "!");
    ck_assert_msg(strcmp(text_str(&rest), lifts[_i].rest) == 0, "%s: %s", lifts[_i].what, text_str(&rest));
    ck_assert_msg(strcmp(record.lifted ? record.lifted : "", lifts[_i].lifted) == 0, "%s: %s", lifts[_i].what, record.lifted);
}
END_TEST

#define RING "[[0,0],[1,0],[1,1.50],[0,0]]"
static const struct {
    const char *json, *written; /* "": none; an error begins with "the_geom" */
} geometries[] = {
    {"{\"type\":\"Point\",\"coordinates\":[85.30, -27.7, 1200, null]}", "{\"type\":\"Point\",\"coordinates\":[85.3,-27.7]}"},
    {" { \"coordinates\" : [ 1e1 , -0 ] , \"crs\" : {\"a\":[\"]\"]} , \"type\" : \"Point\" } ", "{\"type\":\"Point\",\"coordinates\":[10,0]}"},
    {"{\"type\":\"Point\",\"coordinates\":[0.1,0.30000000000000004]}", "{\"type\":\"Point\",\"coordinates\":[0.1,0.30000000000000004]}"},
    {"{\"type\":\"Polygon\",\"coordinates\":[" RING "]}", "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[1,0],[1,1.5],[0,0]]]]}"},
    {"{\"type\":\"MultiPolygon\",\"coordinates\":[[" RING "," RING "],[" RING "]]}",
     "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[1,0],[1,1.5],[0,0]],[[0,0],[1,0],[1,1.5],[0,0]]],[[[0,0],[1,0],[1,1.5],[0,0]]]]}"},
    {"null", ""},
    {"{\"type\":\"Polygon\",\"coordinates\":[ ]}", ""},
    {"{\"type\":\"GeometryCollection\",\"geometries\":[]}", ""},
    {"{}", "the_geom: what has no type is neither Point nor Polygon nor MultiPolygon"},
    {"{\"type\":\"Point\"}", "the_geom: a position that is not two numbers"},
    {"{\"type\":\"Point\",\"coordinates\":[1]}", "the_geom: a position that is not two numbers"},
    {"{\"type\":\"Point\",\"coordinates\":[01,2]}", "the_geom: a position that is not two numbers"},
    {"{\"type\":\"Point\",\"coordinates\":[1.,2]}", "the_geom: a position that is not two numbers"},
    {"{\"type\":\"Point\",\"coordinates\":[\"1\",\"2\"]}", "the_geom: a position that is not two numbers"},
    {"{\"type\":\"Point\",\"coordinates\":[181,2]}", "the_geom: a position that is not on earth"},
    {"{\"type\":\"Polygon\",\"coordinates\":[[]]}", "the_geom: a ring of fewer than four positions"},
    {"{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,1]]]}", "the_geom: a ring that is not closed"},
    {"{\"type\":\"Polygon\",\"coordinates\":" RING "}", "the_geom: a position that is not two numbers"},
    {"{\"type\":\"MultiPolygon\",\"coordinates\":[[]]}", "the_geom: a polygon without a ring"},
    {"{\"type\":\"LineString\",\"coordinates\":[[0,0],[1,1]]}", "the_geom: LineString is neither Point nor Polygon nor MultiPolygon"},
    {"{\"type\":\"Point\",\"coordinates\":[1,2]", "the_geom: it ends before its end"},
    {"{\"type\":\"Point\",\"coordinates\":[1,2}", "the_geom: not valid JSON"},
    {"{\"type\":\"Point\",\"coordinates\":[1,2]} x", "the_geom: not valid JSON"},
    {"POINT(1 2)", "the_geom: no geometry"},
    {"\"", "the_geom: no geometry"},
    {"", "the_geom: it ends before its end"},
};

START_TEST(a_geometry_is_written_in_one_form_or_refused)
{
    static const struct place place = {.member = "the_geom", .index = -1};
    struct err e = {0};
    enum geometry kind;
    struct text out CLEANUP(text_free) = {0};
    bool good = geometry_read(geometries[_i].json, &place, &kind, &out, &e);
    const char *got = good ? text_str(&out) : e.text;
    ck_assert_msg(strcmp(got, geometries[_i].written) == 0, "%s: %s", geometries[_i].json, got);
    ck_assert_msg(!good || (kind == GEOMETRY_NONE) == (out.len == 0), "%s", geometries[_i].json);
}
END_TEST

START_TEST(what_stands_beside_the_list_is_kept)
{
    struct err e = {0};
    struct records *records CLEANUP(records_freep) =
        open_answer("{\"rows\":[1,2,3],\"error\":[\"late\"],\"total_rows\":3}", "rows", &e);
    ck_assert_msg(records != NULL, "%s", e.text);
    ck_assert_int_eq(records_count(records), 3);
    ck_assert_str_eq(js_text(js_at(records_beside(records, "error"), 0)), "late");
    ck_assert(records_beside(records, "hint") == NULL);
}
END_TEST

/* 15 MB of answer: what is held stays far below it. */
/* By turns, too: neither moves the other. */
START_TEST(several_lists_of_one_answer_are_read_on_their_own)
{
    struct err e;
    struct record a, b;
    struct records *first CLEANUP(records_freep) = open_answer("{\"status\":\"ok\",\"data\":{\"a\":[1,2],\"b\":[3,4],\"c\":{\"d\":5}}}", "data.a", &e);
    ck_assert_ptr_nonnull(first);
    struct records *second CLEANUP(records_freep) = records_again(first, "data.b", &e);
    ck_assert_ptr_nonnull(second);
    for (int64_t i = 1; i <= 2; i++) {
        int64_t x, y;
        ck_assert(records_next(first, &a) && records_next(second, &b) && js_integer(a.json, &x) && js_integer(b.json, &y));
        ck_assert(x == i && y == i + 2);
    }
    struct records *third CLEANUP(records_freep) = records_again(second, "data.c", &e);
    ck_assert(third && records_count(third) == 1 && !records_next(first, &a));
    ck_assert_str_eq(js_text(records_beside(third, "status")), "ok");
}
END_TEST

START_TEST(memory_does_not_grow_with_the_answer)
{
    enum { RECORDS = 15000, BYTES = 1000 };
    struct err e = {0};
    struct rusage before, after;
    struct record record;
    char fill[BYTES + 1];
    int64_t count = 0;
    memset(fill, 'x', BYTES);
    fill[BYTES] = '\0';
    FILE *file = tmpfile();
    ck_assert(file && fputs("{\"ROWSET\":{\"ROW\":[", file) >= 0);
    for (int i = 0; i < RECORDS; i++)
        fprintf(file, "%s{\"n\":%d,\"text\":\"%s\"}", i > 0 ? "," : "", i, fill);
    ck_assert(fputs("]}}", file) >= 0 && fflush(file) == 0);
    getrusage(RUSAGE_SELF, &before);
    struct records *records CLEANUP(records_freep) = records_open(dup(fileno(file)), "ROWSET.ROW", &e);
    ck_assert_msg(records != NULL, "%s", e.text);
    while (records_next(records, &record))
        count += record.json != NULL;
    getrusage(RUSAGE_SELF, &after);
    fclose(file);
    ck_assert_int_eq(count, RECORDS);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, GROWTH_MAX_KIB);
}
END_TEST

/* Values ---------------------------------------------------------------------------------------------- */

static const struct {
    enum column_type type;
    const char *json, *value; /* NULL: refused; "-": null */
} values[] = {
    {COLUMN_DAY, "\"21-FEB-12\"", "2012-02-21"},
    {COLUMN_DAY, "\"01-Dec-11\"", "2011-12-01"},
    {COLUMN_DAY, "\"31-dec-68\"", "2068-12-31"},
    {COLUMN_DAY, "\"01-JAN-69\"", "1969-01-01"},
    {COLUMN_DAY, "\"2012-12-31T00:00:00-05:00\"", "2012-12-31"},
    {COLUMN_DAY, "\"2012-12-31\"", "2012-12-31"},
    {COLUMN_DAY, "\"/Date(1361336400000)/\"", "2013-02-20"},
    {COLUMN_DAY, "\"/Date(1361336400000-0500)/\"", "2013-02-20"},
    {COLUMN_DAY, "\"/Date(-1000)/\"", "1969-12-31"},
    {COLUMN_DAY, "\"\"", "-"},
    {COLUMN_DAY, "null", "-"},
    {COLUMN_DAY, "\"30-FEB-12\"", NULL},
    {COLUMN_DAY, "\"21-FEV-12\"", NULL},
    {COLUMN_DAY, "\"21-ANF-12\"", NULL},
    {COLUMN_DAY, "\"/Date(x)/\"", NULL},
    {COLUMN_DAY, "20120221", NULL},
    {COLUMN_AMOUNT, "\"1,234,567.89\"", "1234567.89"},
    {COLUMN_AMOUNT, "\"-1,5\"", "-15"},
    {COLUMN_AMOUNT, "\"1,234.50-\"", "-1234.50"},
    {COLUMN_AMOUNT, "\"-1-\"", NULL},
    {COLUMN_AMOUNT, "\"-\"", NULL},
    {COLUMN_AMOUNT, "85520.52", "85520.52"},
    {COLUMN_AMOUNT, "\"90,071,992,547,409,931.07\"", "90071992547409931.07"},
    {COLUMN_AMOUNT, "\"none\"", NULL},
    {COLUMN_AMOUNT, "\"1.2.3\"", NULL},
    {COLUMN_AMOUNT, "true", NULL},
    {COLUMN_FLAG, "\"N\"", "false"},
    {COLUMN_FLAG, "\"n\"", "false"},
    {COLUMN_FLAG, "\"X\"", "true"},
    {COLUMN_FLAG, "\"\"", "false"},
    {COLUMN_FLAG, "null", "false"},
    {COLUMN_FLAG, "true", "true"},
    {COLUMN_FLAG, "7", NULL},
};

START_TEST(values_are_read_as_older_systems_write_them)
{
    struct err e = {0};
    char document[160];
    const struct column columns[] = {{"v", NULL, values[_i].type}, {0}};
    struct row row CLEANUP(row_free) = {.flat = true};
    snprintf(document, sizeof document, "{\"v\":%s}", values[_i].json);
    struct js *record CLEANUP(js_freep) = js_parse(document, strlen(document), &e);
    ck_assert_msg(record != NULL, "%s", e.text);
    bool good = record_read(record, columns, NULL, &row, &e);
    ck_assert_msg(good == (values[_i].value != NULL), "%s: %s", values[_i].json, good ? row_end(&row) : e.text);
    if (!good)
        return;
    const char *value = row_end(&row);
    ck_assert_int_eq(row.count, 1);
    ck_assert_msg(strcmp(row.null[0] ? "-" : value, values[_i].value) == 0, "%s: %s", values[_i].json, value);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("records");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_large_member_comes_as_its_text, 0, (int)(sizeof lifts / sizeof *lifts));
    tcase_add_loop_test(tests, a_geometry_is_written_in_one_form_or_refused, 0, (int)(sizeof geometries / sizeof *geometries));
    tcase_add_loop_test(tests, records_are_found_in_every_shape, 0, (int)(sizeof shapes / sizeof *shapes));
    tcase_add_loop_test(tests, an_answer_that_is_not_whole_is_refused_before_its_first_record, 0,
                        (int)(sizeof broken / sizeof *broken));
    tcase_add_test(tests, what_stands_beside_the_list_is_kept);
    tcase_add_test(tests, several_lists_of_one_answer_are_read_on_their_own);
    tcase_add_test(tests, memory_does_not_grow_with_the_answer);
    tcase_add_loop_test(tests, values_are_read_as_older_systems_write_them, 0, (int)(sizeof values / sizeof *values));
    return test_main_case("records", tests);
}
