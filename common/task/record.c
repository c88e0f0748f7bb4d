/* record: one function a column type, in the table `readers`. */
#include "common/task/record.h"

#include "common/base/clock.h"
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PLACE_MAX = 200, DIGITS_MAX = 18, TEXT_DEFAULT_MAX = 255, DOTTED_MAX = 64 };

/* Rows ------------------------------------------------------------------------------------------------ */

static void begin_member(struct row *row, const char *name)
{
    if (row->ended)
        row_reset(row);
    if (row->flat)
        return;
    text_putc(&row->json, row->json.len == 0 ? '{' : ',');
    text_json_string(&row->json, name, strlen(name));
    text_putc(&row->json, ':');
}

static void add_flat(struct row *row, const char *value)
{
    assert(row->count < ROW_MEMBERS_MAX);
    row->null[row->count++] = !value;
    text_puts(&row->json, value ? value : "");
    text_add(&row->json, "", 1);
}

void row_text(struct row *row, const char *name, const char *value)
{
    begin_member(row, name);
    if (row->flat)
        add_flat(row, value);
    else
        text_json_text(&row->json, value);
}

void row_int(struct row *row, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    row_json(row, name, text);
}

void row_bool(struct row *row, const char *name, bool value)
{
    row_json(row, name, value ? "true" : "false");
}

void row_json(struct row *row, const char *name, const char *json)
{
    begin_member(row, name);
    if (row->flat)
        add_flat(row, strcmp(json, "null") == 0 ? NULL : json);
    else
        text_puts(&row->json, json);
}

struct text *row_open_json(struct row *row, const char *name)
{
    begin_member(row, name);
    row->opened = row->json.len;
    return &row->json;
}

void row_close_json(struct row *row, bool keep)
{
    if (!keep && row->json.data)
        row->json.data[row->json.len = row->opened] = '\0';
    if (row->flat) {
        assert(row->count < ROW_MEMBERS_MAX);
        row->null[row->count++] = !keep;
        text_add(&row->json, "", 1);
    } else if (!keep) {
        text_puts(&row->json, "null");
    }
}

const char *row_end(struct row *row)
{
    if (!row->flat)
        text_puts(&row->json, row->json.len == 0 ? "{}" : "}");
    row->ended = true;
    return text_str(&row->json);
}

char *row_take(struct row *row)
{
    char *texts = row->json.data;
    row->json = (struct text){.max = row->json.max};
    return texts;
}

void row_reset(struct row *row)
{
    text_reset(&row->json);
    row->ended = false;
    row->count = 0;
}

void row_free(struct row *row)
{
    text_free(&row->json);
}

/* Places ---------------------------------------------------------------------------------------------- */

static void add_place(const struct place *place, struct text *out)
{
    if (!place)
        return;
    add_place(place->outer, out);
    if (place->member)
        text_printf(out, "%s%s", out->len > 0 ? "." : "", place->member);
    if (place->index >= 0)
        text_printf(out, "[%d]", place->index);
}

bool record_refuse(const struct place *place, const char *member, struct err *e, const char *format, ...)
{
    struct text where CLEANUP(text_free) = {.max = PLACE_MAX}, why CLEANUP(text_free) = {.max = ERR_TEXT_MAX / 2};
    va_list args;
    add_place(place, &where);
    if (member)
        text_printf(&where, "%s%s", where.len > 0 ? "." : "", member);
    va_start(args, format);
    text_vprintf(&why, format, args);
    va_end(args);
    return err_set(e, ERR_DATA, "%s: %s", where.len > 0 ? text_str(&where) : "record", text_str(&why));
}

bool record_array(const struct js *record, const char *member, const struct place *place, const struct js **array,
                  struct err *e)
{
    *array = js_get(record, member);
    return js_is_null(*array) || js_type(*array) == JS_ARRAY ||
           record_refuse(place, member, e, "%s where an array was expected", js_type_name(js_type(*array)));
}

/* Values ---------------------------------------------------------------------------------------------- */

/* What is being read and what to say when it does not fit. */
struct reading {
    const struct js *value;
    const struct column *column;
    const struct place *place;
    struct row *row;
    struct err *e;
};

static const char *from_name(const struct column *column)
{
    return column->from ? column->from : column->name;
}

static bool unexpected(const struct reading *r, const char *expected)
{
    const char *text = js_text(r->value);
    if (text)
        return record_refuse(r->place, from_name(r->column), r->e, "'%.60s' is not %s", text, expected);
    return record_refuse(r->place, from_name(r->column), r->e, "%s where %s was expected",
                         js_type_name(js_type(r->value)), expected);
}

static bool read_id(const struct reading *r)
{
    char text[32];
    int64_t number;
    const char *value = js_text(r->value);
    if (js_integer(r->value, &number)) {
        snprintf(text, sizeof text, "%" PRId64, number);
        value = text;
    }
    if (!value || strlen(value) > (r->column->max ? (size_t)r->column->max : 32))
        return unexpected(r, "an id");
    row_text(r->row, r->column->name, value);
    return true;
}

/* Bytes of the first `max` characters. */
static size_t first_characters(const char *s, int max)
{
    size_t i = 0;
    for (; s[i]; i++)
        if (((unsigned char)s[i] & 0xC0) != 0x80 && max-- == 0)
            break;
    return i;
}

static bool read_text(const struct reading *r)
{
    const char *value = js_text(r->value);
    int max = r->column->max ? r->column->max : TEXT_DEFAULT_MAX;
    if (!value)
        return unexpected(r, "a string");
    size_t length = first_characters(value, max);
    if (!value[length]) {
        row_text(r->row, r->column->name, value);
        return true;
    }
    if (!r->column->cut)
        return record_refuse(r->place, from_name(r->column), r->e, "more than %d characters", max);
    struct text head CLEANUP(text_free) = {0};
    text_add(&head, value, length);
    row_text(r->row, r->column->name, text_str(&head));
    return true;
}

static bool is_date(const char *s)
{
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != shape[i])
            return false;
    int64_t year, given = strtoll(s, NULL, 10);
    int month, day, given_month = atoi(s + 5), given_day = atoi(s + 8);
    if (s[10] || given < 1 || given_month < 1 || given_month > 12 || given_day < 1 || given_day > 31)
        return false;
    date_from_days(days_from_date(given, given_month, given_day), &year, &month, &day);
    return year == given && month == given_month && day == given_day;
}

static bool read_date(const struct reading *r)
{
    const char *value = js_text(r->value);
    if (!value || !is_date(value))
        return unexpected(r, "a date like 2023-05-01");
    row_text(r->row, r->column->name, value);
    return true;
}

static bool read_moment(const struct reading *r)
{
    char text[CLOCK_TEXT_MAX];
    struct err ignored;
    usec_t at;
    const char *value = js_text(r->value);
    if (value && is_date(value)) {
        snprintf(text, sizeof text, "%.10sT00:00:00Z", value);
        value = text;
    }
    if (!value || !clock_parse(value, &at, &ignored))
        return unexpected(r, "a moment like 2023-05-01T00:00:00Z");
    row_text(r->row, r->column->name, clock_format(at, text));
    return true;
}

/* The shortest text that reads back as the same number. */
static void format_real(double value, char out[static 32])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, 32, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            return;
    }
}

/* "-0012.50" becomes "-12.50": sign, digits, point, digits; no exponent. */
static bool add_decimal(const char *s, int digits_max, struct text *out)
{
    bool negative = *s == '-';
    s += negative || *s == '+';
    size_t whole = strspn(s, "0123456789"), zeros = strspn(s, "0");
    size_t fraction = s[whole] == '.' ? strspn(s + whole + 1, "0123456789") : 0;
    if (whole == 0 || s[whole + (s[whole] == '.') + fraction] || (s[whole] == '.' && fraction == 0))
        return false;
    zeros = zeros < whole ? zeros : whole - 1;
    if (whole - zeros > (size_t)digits_max || fraction > 30)
        return false;
    text_puts(out, negative ? "-" : "");
    text_puts(out, s + zeros);
    return true;
}

/* A JSON number or a numeric string as decimal text. */
static bool decimal_of(const struct js *value, int digits_max, struct text *out)
{
    char text[64];
    int64_t number;
    double real = 0;
    if (js_text(value))
        return add_decimal(js_text(value), digits_max, out);
    if (js_integer(value, &number))
        snprintf(text, sizeof text, "%" PRId64, number);
    else if (js_number(value, &real) && fabs(real) < 1e18)
        format_real(real, text);
    else
        return false;
    if (strpbrk(text, "eE")) /* tiny: no amount is that small */
        snprintf(text, sizeof text, "%.20f", real);
    return add_decimal(text, digits_max, out);
}

static bool read_decimal(const struct reading *r)
{
    struct text decimal CLEANUP(text_free) = {0};
    int max = r->column->max ? r->column->max : DIGITS_MAX;
    if (!decimal_of(r->value, max, &decimal))
        return unexpected(r, "an amount");
    row_text(r->row, r->column->name, text_str(&decimal));
    return true;
}

/* Without what stands between digits, a minus behind them put before them. */
static void strip_separators(const char *s, struct text *out)
{
    size_t length = strlen(s);
    while (length > 0 && s[length - 1] == ' ')
        length--;
    if (length > 1 && s[length - 1] == '-') {
        text_putc(out, '-');
        length--;
    }
    for (size_t i = 0; i < length; i++)
        if (s[i] != ',' && s[i] != ' ')
            text_putc(out, s[i]);
}

static bool read_amount(const struct reading *r)
{
    const char *value = js_text(r->value);
    struct text plain CLEANUP(text_free) = {.max = 64}, decimal CLEANUP(text_free) = {0};
    if (!value)
        return read_decimal(r);
    strip_separators(value, &plain);
    if (plain.cut || !add_decimal(text_str(&plain), r->column->max ? r->column->max : DIGITS_MAX, &decimal))
        return unexpected(r, "an amount");
    row_text(r->row, r->column->name, text_str(&decimal));
    return true;
}

/* "21-FEB-12" as "2012-02-21". */
static bool old_date(const char *s, char out[static 32])
{
    static const char months[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
    char month[4];
    int day, year, used = 0;
    if (sscanf(s, "%2d-%3[A-Za-z]-%2d%n", &day, month, &year, &used) != 3 || s[used] || strlen(month) != 3)
        return false;
    const char *known = strcasestr(months, month);
    if (!known || (known - months) % 3 != 0)
        return false;
    snprintf(out, 32, "%04d-%02d-%02d", year + (year < 69 ? 2000 : 1900), (int)(known - months) / 3 + 1, day);
    return is_date(out);
}

/* "/Date(1361336400000)/", milliseconds, with or without an offset behind them. */
static bool legacy_date(const char *s, char out[static 32])
{
    char *end;
    int64_t year;
    int month, day;
    if (strncmp(s, "/Date(", strlen("/Date(")) != 0)
        return false;
    int64_t at = strtoll(s + strlen("/Date("), &end, 10);
    end += *end == '+' || *end == '-' ? 1 + strspn(end + 1, "0123456789") : 0;
    int64_t days = at / 86400000 - (at % 86400000 < 0);
    date_from_days(days, &year, &month, &day);
    snprintf(out, 32, "%04d-%02d-%02d", (int)year, month, day);
    return strcmp(end, ")/") == 0 && is_date(out);
}

static bool read_day(const struct reading *r)
{
    char day[32];
    const char *value = js_text(r->value);
    snprintf(day, sizeof day, "%.10s", value ? value : "");
    bool good = value && ((is_date(day) && (!value[10] || value[10] == 'T' || value[10] == ' ')) ||
                          old_date(value, day) || legacy_date(value, day));
    if (!good)
        return unexpected(r, "a date like 21-FEB-12 or 2012-02-21");
    row_text(r->row, r->column->name, day);
    return true;
}

static bool read_flag(const struct reading *r)
{
    bool given;
    const char *value = js_text(r->value);
    if (!value && !js_bool(r->value, &given))
        return unexpected(r, "a flag");
    row_bool(r->row, r->column->name, value ? strcasecmp(value, "N") != 0 && strcasecmp(value, "NO") != 0 : given);
    return true;
}

static bool read_int(const struct reading *r)
{
    struct text decimal CLEANUP(text_free) = {0};
    int max = r->column->max ? r->column->max : DIGITS_MAX;
    if (js_type(r->value) == JS_REAL || !decimal_of(r->value, max, &decimal) || strchr(text_str(&decimal), '.'))
        return unexpected(r, "a whole number");
    row_json(r->row, r->column->name, text_str(&decimal));
    return true;
}

static bool read_bool(const struct reading *r)
{
    bool value;
    if (!js_bool(r->value, &value))
        return unexpected(r, "true or false");
    row_bool(r->row, r->column->name, value);
    return true;
}

static bool (*const readers[])(const struct reading *) = {
    [COLUMN_ID] = read_id,         [COLUMN_TEXT] = read_text,       [COLUMN_DATE] = read_date,
    [COLUMN_MOMENT] = read_moment, [COLUMN_DECIMAL] = read_decimal, [COLUMN_INT] = read_int,
    [COLUMN_BOOL] = read_bool,     [COLUMN_DAY] = read_day,         [COLUMN_AMOUNT] = read_amount,
    [COLUMN_FLAG] = read_flag,
};

/* The member of a name like "id" or "cp_output.id". */
static const struct js *find(const struct js *record, const char *name)
{
    char outer[DOTTED_MAX];
    const char *dot = strchr(name, '.');
    if (!dot)
        return js_get(record, name);
    snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
    return js_get(js_get(record, outer), dot + 1);
}

const struct js *record_value(const struct js *record, const struct column *column)
{
    const struct js *value = find(record, from_name(column));
    return value || !column->or_from ? value : find(record, column->or_from);
}

/* "" says nothing, unless the column is a text that may well be empty. */
static bool is_missing(const struct js *value, const struct column *column)
{
    const char *text = js_text(value);
    return js_is_null(value) || (text && !*text && (column->required || column->type != COLUMN_TEXT));
}

bool record_read(const struct js *record, const struct column *columns, const struct place *place, struct row *row,
                 struct err *e)
{
    if (js_type(record) != JS_OBJECT)
        return record_refuse(place, NULL, e, "%s where an object was expected", js_type_name(js_type(record)));
    for (const struct column *column = columns; column->name; column++) {
        struct reading reading = {record_value(record, column), column, place, row, e};
        if (!is_missing(reading.value, column)) {
            if (!readers[column->type](&reading))
                return false;
        } else if (column->required) {
            return record_refuse(place, from_name(column), e, "missing");
        } else {
            row_json(row, column->name, column->fallback ? column->fallback : column->type == COLUMN_FLAG ? "false" : "null");
        }
    }
    return true;
}

bool record_number(const struct js *value, struct text *out)
{
    const char *text = js_text(value);
    struct text plain CLEANUP(text_free) = {.max = 64};
    if (js_is_null(value) || (text && (!*text || strcmp(text, "None") == 0))) {
        text_puts(out, "0");
        return true;
    }
    if (!text)
        return decimal_of(value, DIGITS_MAX, out);
    strip_separators(text, &plain);
    return !plain.cut && add_decimal(text_str(&plain), DIGITS_MAX, out);
}
