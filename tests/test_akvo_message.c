/* Messages of Kafka as data points: what is good, and what each kind of bad one is told as. */
#include "tasks/akvo/akvo.h"
#include "tests/fixture/main.h"
#include "tests/test_akvo_message.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct region *region;
static struct akvo_schemas *schemas;

static bool read_wire(const struct wire *w, struct akvo_point *point, struct err *e)
{
    return akvo_read_point(schemas, w->bytes, w->len, region, point, e);
}

static const struct message good = {"d7b7-4y1c-abcd", 1234567890123, -11.3596, 8.5317, false, 1514764800123, 1514764801456};

START_TEST(a_message_is_a_data_point)
{
    struct err e;
    struct akvo_point point;
    struct wire w = wire_message(&good);
    ck_assert_msg(read_wire(&w, &point, &e), "%s", e.text);
    ck_assert_str_eq(point.identifier, good.identifier);
    ck_assert_int_eq(point.survey_id, good.survey);
    ck_assert_int_eq(point.created_ms, good.created);
    ck_assert_int_eq(point.updated_ms, good.updated);
    ck_assert_double_eq(strtod(point.longitude, NULL), good.longitude);
    ck_assert_double_eq(strtod(point.latitude, NULL), good.latitude);
}
END_TEST

static const struct {
    const char *name;
    struct message message;
    const char *says;
} bad[] = {
    {"no identifier", {"", 1, 1, 1, false, 1, 1}, "identifier: of 0 bytes"},
    {"bytes that are no text", {"a\xff", 1, 1, 1, false, 1, 1}, "identifier: not a text"},
    {"no survey", {"a", -1, 1, 1, false, 1, 1}, "survey_id: missing"},
    {"no place", {"a", 1, 0, 0, true, 1, 1}, "longitude: missing"},
    {"a longitude beyond the end", {"a", 1, 180.5, 1, false, 1, 1}, "longitude: 180.5 is not on earth"},
    {"a latitude beyond the pole", {"a", 1, 1, -90.5, false, 1, 1}, "latitude: -90.5 is not on earth"},
    {"a longitude that is no number", {"a", 1, NAN, 1, false, 1, 1}, "longitude: nan is not on earth"},
    {"seconds in place of milliseconds, much too many", {"a", 1, 1, 1, false, INT64_MAX, 1}, "created_date_time: 9223372036854775807 cannot be"},
    {"a last update long before", {"a", 1, 1, 1, false, 1, INT64_MIN}, "last_update_date_time: -9223372036854775808 cannot be"},
};

START_TEST(each_bad_message_is_told_with_its_member)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e;
        struct akvo_point point;
        struct wire w = wire_message(&bad[i].message);
        ck_assert_msg(!read_wire(&w, &point, &e) && e.kind == ERR_DATA, "%s", bad[i].name);
        ck_assert_msg(strstr(e.text, bad[i].says) != NULL, "%s: %s", bad[i].name, e.text);
    }
}
END_TEST

START_TEST(a_message_that_is_cut_anywhere_is_refused)
{
    struct err e;
    struct akvo_point point;
    struct wire whole = wire_message(&good);
    for (size_t len = 0; len < whole.len; len++) {
        struct wire cut = {.len = len};
        memcpy(cut.bytes, whole.bytes, len);
        ck_assert_msg(!read_wire(&cut, &point, &e) && e.kind == ERR_DATA, "%zu bytes", len);
    }
    whole.bytes[whole.len++] = 0;
    ck_assert(!read_wire(&whole, &point, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "1 bytes too many"));
    whole.bytes[0] = 1;
    ck_assert(!read_wire(&whole, &point, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "number of its schema"));
}
END_TEST

/* Schemas --------------------------------------------------------------------------------------------- */

static bool parse_schema(const char *text, struct avro_schema *schema, struct err *e)
{
    struct js *json CLEANUP(js_freep) = js_parse(text, strlen(text), e);
    return json && avro_schema_read(json, schema, e);
}

START_TEST(members_are_found_by_name_whatever_their_order_and_types)
{
    struct err e;
    struct avro_schema schema;
    struct avro_value values[AVRO_MEMBERS_MAX];
    struct wire w = {0};
    ck_assert_msg(parse_schema("{\"type\": \"record\", \"fields\": [{\"name\": \"flag\", \"type\": \"boolean\"}, {\"name\": \"at\", \"type\":"
                               " {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}}, {\"name\": \"id\", \"type\": [\"string\", \"null\"]},"
                               " {\"name\": \"small\", \"type\": \"float\"}]}", &schema, &e), "%s", e.text);
    w.bytes[w.len++] = 1;
    wire_long(&w, -5);
    wire_long(&w, 0);
    wire_text(&w, "x");
    memcpy(w.bytes + w.len, &(float){1.5f}, sizeof(float));
    w.len += sizeof(float);
    ck_assert_msg(avro_read(&schema, w.bytes, w.len, values, &e), "%s", e.text);
    ck_assert_int_eq(values[avro_find(&schema, "flag")].number, 1);
    ck_assert_int_eq(values[avro_find(&schema, "at")].number, -5);
    ck_assert_int_eq((int)values[avro_find(&schema, "id")].len, 1);
    ck_assert_double_eq(values[avro_find(&schema, "small")].real, 1.5);
    ck_assert_int_eq(avro_find(&schema, "other"), -1);
}
END_TEST

START_TEST(schemas_that_cannot_be_read_are_refused)
{
    static const char *const texts[] = {"{}", "\"long\"", "{\"type\": \"record\", \"fields\": [{\"type\": \"long\"}]}",
                                        "{\"type\": \"record\", \"fields\": [{\"name\": \"a\", \"type\": {\"type\": \"array\", \"items\": \"long\"}}]}",
                                        "{\"type\": \"record\", \"fields\": [{\"name\": \"a\", \"type\": []}]}",
                                        "{\"type\": \"record\", \"fields\": [{\"name\": \"a\", \"type\": [\"long\", {\"type\": \"fixed\"}]}]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct err e = {0};
        struct avro_schema schema;
        ck_assert_msg(!parse_schema(texts[i], &schema, &e) && e.kind == ERR_DATA, "%s", texts[i]);
    }
}
END_TEST

START_TEST(numbers_and_branches_out_of_bounds_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } rows[] = {{"\x04", 1, "branch 2 of a union of 2"}, {"\x01", 1, "branch -1 of a union of 2"},
                {"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11, "more than 64 bits"}, {"\x02\xff", 2, "ends within a number"},
                {"\x02\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 11, "more than 64 bits"}};
    struct err e;
    struct avro_schema schema;
    struct avro_value values[AVRO_MEMBERS_MAX];
    ck_assert(parse_schema("{\"type\": \"record\", \"fields\": [{\"name\": \"a\", \"type\": [\"null\", \"long\"]}]}", &schema, &e));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(!avro_read(&schema, rows[i].bytes, rows[i].len, values, &e), "row %zu", i);
        ck_assert_msg(strstr(e.text, rows[i].says) != NULL, "row %zu: %s", i, e.text);
    }
    ck_assert(avro_read(&schema, "\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, values, &e));
    ck_assert(values[0].number == INT64_MAX);
}
END_TEST

static void set_up(void)
{
    region = region_new();
    schemas = mem_zero(1, sizeof *schemas);
}

static void tear_down(void)
{
    akvo_schemas_free(schemas);
    free(schemas);
    region_free(region);
}

int main(void)
{
    const TTest *const tests[] = {a_message_is_a_data_point,
                                  each_bad_message_is_told_with_its_member,
                                  a_message_that_is_cut_anywhere_is_refused,
                                  members_are_found_by_name_whatever_their_order_and_types,
                                  schemas_that_cannot_be_read_are_refused,
                                  numbers_and_branches_out_of_bounds_are_refused};
    TCase *group = tcase_create("akvo_message");
    tcase_add_checked_fixture(group, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(group, tests[i]);
    return test_main_case("akvo_message", group);
}
