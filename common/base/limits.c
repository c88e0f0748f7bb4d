/* limits: the rows. A further limit is a member of the structure and a row here, and whatever holds it. */
#include "common/base/limits.h"
#include "common/base/json.h"
#include "common/base/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROW(member, unit_, ...) {.name = #member, .unit = unit_, .offset = offsetof(struct limits, member), __VA_ARGS__}

const struct limit limits_all[] = {
    ROW(soft, LIMIT_TIME, .min = MSEC(1), .fallback = MINUTES(55)),
    ROW(hard, LIMIT_TIME, .min = MSEC(1), .fallback = HOURS(1)),
    ROW(cpu, LIMIT_TIME, .min = SECONDS(1)),
    ROW(memory, LIMIT_SIZE, .min = 1 << 20, .fallback = 512 << 20),
    ROW(files, LIMIT_COUNT, .min = 32, .fallback = 1024),
    ROW(output, LIMIT_SIZE, .min = 1, .fallback = 512 << 20),
    ROW(log_lines, LIMIT_COUNT, .min = 1, .fallback = 10000),
    ROW(processes, LIMIT_COUNT, .min = 1, .fallback = 256),
    {0},
};

_Static_assert(sizeof(struct limits) == 8 * sizeof(int64_t), "every limit is an int64_t and has a row");

static int64_t *member(const struct limit *limit, struct limits *of)
{
    return (int64_t *)((char *)of + limit->offset);
}

int64_t limit_value(const struct limit *limit, const struct limits *of)
{
    struct limits copy = *of;
    return *member(limit, &copy);
}

void limit_print(const struct limit *limit, const struct limits *of, struct text *out)
{
    char time[CLOCK_TEXT_MAX], size[SIZE_TEXT_MAX];
    int64_t value = limit_value(limit, of);
    switch (limit->unit) {
    case LIMIT_TIME:
        text_puts(out, duration_format(value, time));
        break;
    case LIMIT_SIZE:
        text_puts(out, size_format(value, size));
        break;
    case LIMIT_COUNT:
        text_printf(out, "%" PRId64, value);
        break;
    }
}

void limits_fill(struct limits *l, const struct limits *next)
{
    for (const struct limit *limit = limits_all; limit->name; limit++)
        if (*member(limit, l) == 0)
            *member(limit, l) = limit_value(limit, next);
}

/* A task that is asked to stop only after it was killed is not asked. */
static void order_times(struct limits *l)
{
    if (l->soft > l->hard)
        l->soft = l->hard;
}

void limits_default(struct limits *l)
{
    if (l->soft == 0 && l->hard > 0 && l->hard < HOURS(1))
        l->soft = l->hard - l->hard / 12;
    for (const struct limit *limit = limits_all; limit->name; limit++)
        if (*member(limit, l) == 0)
            *member(limit, l) = limit->fallback;
    if (l->cpu == 0)
        l->cpu = l->hard > SECONDS(1) ? l->hard : SECONDS(1);
    order_times(l);
}

/* What is said of those that are over ----------------------------------------------------------------------------- */

const char *limit_say_size(char *out, size_t room, int64_t value, const char *of, int64_t limit)
{
    const int64_t mib = 1 << 20;
    bool whole = limit % mib == 0;
    long long shown = whole ? (value + mib - 1) / mib : value;
    snprintf(out, room, "killed: %lld %s%s%s > %lld %s", shown, whole ? "MiB" : "bytes", *of ? " " : "", of, (long long)(whole ? limit / mib : limit),
             whole ? "MiB" : "bytes");
    return out;
}

const char *limit_say_time(char *out, size_t room, usec_t value, const char *of, usec_t limit)
{
    char most[CLOCK_TEXT_MAX];
    snprintf(out, room, "killed: %.1fs %s > %s", (double)(value + MSEC(50)) / 1e6, of, duration_format(limit, most));
    return out;
}

const char *limit_say_count(char *out, size_t room, int64_t value, const char *of, int64_t limit)
{
    snprintf(out, room, "killed: %" PRId64 " %s > %" PRId64, value, of, limit);
    return out;
}

/* What a task asks for ------------------------------------------------------------------------------------------------ */

struct wish {
    struct limits *limits;
    struct err *e;
};

static bool read_text(const struct limit *limit, const char *text, int64_t *value, struct err *e)
{
    switch (limit->unit) {
    case LIMIT_TIME:
        return duration_parse(text, value, e);
    case LIMIT_SIZE:
        return size_parse(text, value, e);
    case LIMIT_COUNT:
        break;
    }
    return err_set(e, ERR_DATA, "'%.100s' is not a whole number", text);
}

static bool read_number(const struct limit *limit, int64_t number, int64_t *value)
{
    return !__builtin_mul_overflow(number, limit->unit == LIMIT_TIME ? SECONDS(1) : 1, value);
}

static bool read_value(const struct limit *limit, const struct js *node, int64_t *value, struct err *e)
{
    int64_t number;
    if (js_text(node))
        return read_text(limit, js_text(node), value, e);
    return (js_integer(node, &number) && read_number(limit, number, value)) || err_set(e, ERR_DATA, "%s is no limit", js_type_name(js_type(node)));
}

static const struct limit *find(const char *name)
{
    for (const struct limit *limit = limits_all; limit->name; limit++)
        if (strcmp(limit->name, name) == 0)
            return limit;
    return NULL;
}

static bool apply(void *data, const char *key, const struct js *node)
{
    struct wish *w = data;
    const struct limit *limit = find(key);
    int64_t value = 0;
    if (!limit)
        return err_set(w->e, ERR_DATA, "there is no limit '%.100s'", key);
    if (!read_value(limit, node, &value, w->e))
        return err_add(w->e, "%s", key);
    if (value < limit->min) {
        CLEANUP(text_free) struct text least = {0};
        struct limits floor = {0};
        *member(limit, &floor) = limit->min;
        limit_print(limit, &floor, &least);
        return err_set(w->e, ERR_DATA, "%s: below %s", key, text_str(&least));
    }
    if (value < *member(limit, w->limits))
        *member(limit, w->limits) = value;
    return true;
}

bool limits_tighten(struct limits *l, const char *json, struct err *e)
{
    struct js *wanted CLEANUP(js_freep) = js_parse(json, strlen(json), e);
    struct wish wish = {.limits = l, .e = e};
    bool good = wanted && (js_type(wanted) == JS_OBJECT || err_set(e, ERR_DATA, "%s instead of an object", js_type_name(js_type(wanted)))) &&
                js_each(wanted, apply, &wish);
    order_times(l);
    if (!good)
        e->kind = ERR_DATA;
    return good || err_add(e, "headers.limits");
}
