/* django: rows of django-celery-beat, whose periodic tasks point to rows of other tables that say when. What those say
 * is in celery_times.c; a further kind of them is a row of `kinds`, a column that is lost a row of `lost`. */
#include "beat/rule.h"
#include "cli/import/celery_times.h"
#include "cli/import/import.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MODELS "django_celery_beat."

enum { NAME_MAX_BYTES = 200, QUEUE_MAX = 63, PRIORITY_MAX = 9 };

/* In the order in which django-celery-beat looks: the first that is set counts. */
static const struct kind {
    const char *key; /* the periodic task's column */
    bool (*spec)(const struct js *fields, struct text *spec, struct err *e); /* NULL: cannot be said here */
} kinds[] = {{"interval", celery_interval}, {"crontab", celery_crontab}, {"solar", NULL}, {"clocked", celery_clocked}};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* A row of one of those tables. */
struct times {
    size_t kind;
    int64_t key;
    const struct js *fields;
};

struct reader {
    struct import *in;
    struct times *times; /* sorted */
    size_t times_count;
};

/* Tables ------------------------------------------------------------------------------------------------------------ */

static int compare_times(const void *left, const void *right)
{
    const struct times *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return (a->key > b->key) - (a->key < b->key);
}

/* "crontabschedule" of "django_celery_beat.crontabschedule"; NULL: a table of somebody else. Django ignores the case. */
static const char *table_of(const struct js *row)
{
    const char *model = js_text(js_get(row, "model"));
    return model && strncasecmp(model, MODELS, strlen(MODELS)) == 0 ? model + strlen(MODELS) : NULL;
}

static void keep_times(struct reader *r, const struct js *row, const char *table)
{
    struct times times = {.fields = js_get(row, "fields")};
    if (js_type(times.fields) != JS_OBJECT)
        return;
    for (; times.kind < KINDS; times.kind++) {
        size_t length = strlen(kinds[times.kind].key);
        if (strncasecmp(table, kinds[times.kind].key, length) == 0 && strcasecmp(table + length, "schedule") == 0 &&
            js_integer(js_get(row, "pk"), &times.key))
            r->times[r->times_count++] = times;
    }
}

/* Names ------------------------------------------------------------------------------------------------------------- */

/* The name without what a schedule's name cannot hold: a dash stands for blanks and letters beyond ASCII. */
static const char *clean_name(struct reader *r, const char *from, const struct js *row)
{
    CLEANUP(text_free) struct text name = {.max = NAME_MAX_BYTES};
    bool gap = false;
    for (; *from; from++) {
        bool kept = (unsigned char)*from < 0x80 && isgraph((unsigned char)*from);
        if (kept && gap && name.len > 0)
            text_putc(&name, '-');
        if (kept)
            text_putc(&name, *from);
        gap = !kept;
    }
    if (name.len == 0) {
        text_puts(&name, "periodic-task-");
        js_write(&name, js_get(row, "pk"));
    }
    return region_strdup(r->in->region, text_str(&name));
}

static bool read_names(struct reader *r, struct import_row *row, const struct js *source, struct err *e)
{
    const struct js *fields = js_get(source, "fields");
    const char *from = js_text(js_get(fields, "name")), *task = js_text(js_get(fields, "task"));
    row->from = region_strdup(r->in->region, from ? from : "");
    row->task = row->handler = region_strdup(r->in->region, task ? task : "");
    row->name = clean_name(r, row->from, source);
    return (task && *task) || err_set(e, ERR_DATA, "it has no task");
}

/* Times ------------------------------------------------------------------------------------------------------------- */

static bool read_time(const struct js *fields, const char *key, usec_t *at, struct err *e)
{
    const char *text = js_text(js_get(fields, key));
    if (!text || !*text || clock_parse(text, at, e))
        return true;
    e->kind = ERR_DATA;
    return err_add(e, "%s", key);
}

/* The first of the periodic task's times. NULL and an error when there are none. */
static const struct times *find_times(struct reader *r, struct import_row *row, const struct js *fields, struct err *e)
{
    const struct times *found = NULL;
    for (size_t i = 0; i < KINDS; i++) {
        struct times wanted = {.kind = i};
        if (!js_integer(js_get(fields, kinds[i].key), &wanted.key))
            continue;
        if (found) {
            import_note(r->in, row, "%s is set too: Celery goes by %s", kinds[i].key, kinds[found->kind].key);
            continue;
        }
        found = bsearch(&wanted, r->times, r->times_count, sizeof wanted, compare_times);
        if (!found) {
            err_set(e, ERR_DATA, "%s %" PRId64 " is not in the file", kinds[i].key, wanted.key);
            return NULL;
        }
    }
    if (!found)
        err_set(e, ERR_DATA, "neither interval, crontab, solar nor clocked is set");
    return found;
}

/* Its ticks, to ask; NULL and an error for an expression that cannot be read. */
static struct rule *make_rule(const struct import_row *row, struct err *e)
{
    struct rule_text text = {.name = row->name,
                             .specs = row->spec,
                             .exclude = "",
                             .tz = row->tz,
                             .catchup = "last",
                             .start_at = row->start_at,
                             .end_at = row->end_at};
    return rule_parse(&text, e);
}

static bool next_tick(const struct import_row *row, usec_t after, usec_t *tick, bool *found, struct err *e)
{
    struct rule *rule = make_rule(row, e);
    *found = rule && rule_next(rule, after, tick);
    rule_free(rule);
    return rule != NULL;
}

/* Celery runs it at its next tick and disables it then. */
static void run_once(struct reader *r, struct import_row *row, const struct js *fields)
{
    int64_t runs = 0;
    row->once = true;
    js_integer(js_get(fields, "total_run_count"), &runs);
    if (runs > 0) {
        row->held = true;
        import_note(r->in, row, "one_off, and it has run");
    }
}

static bool read_times(struct reader *r, struct import_row *row, const struct js *fields, struct err *e)
{
    CLEANUP(text_free) struct text spec = {0};
    usec_t tick;
    bool once = false, found;
    const struct times *times = find_times(r, row, fields, e);
    if (!times || !read_time(fields, "start_time", &row->start_at, e) || !read_time(fields, "expires", &row->end_at, e))
        return false;
    const struct kind *kind = &kinds[times->kind];
    if (!kind->spec)
        return err_set(e, ERR_DATA, "%s schedules cannot be said here", kind->key);
    if (!kind->spec(times->fields, &spec, e))
        return err_add(e, "%s %" PRId64, kind->key, times->key);
    row->spec = region_strdup(r->in->region, text_str(&spec));
    const char *tz = js_text(js_get(times->fields, "timezone"));
    row->tz = tz && *tz ? region_strdup(r->in->region, tz) : NULL;
    if (kind->spec == celery_crontab && !row->tz)
        import_note(r->in, row, "without a timezone: UTC");
    js_bool(js_get(fields, "one_off"), &once);
    if (once && kind->spec != celery_clocked)
        run_once(r, row, fields);
    if (!next_tick(row, clock_now(), &tick, &found, e))
        return false;
    if (!found)
        import_note(r->in, row, "it never fires again");
    return true;
}

/* Arguments and options --------------------------------------------------------------------------------------------- */

/* args and kwargs are JSON inside text, or not, in fixtures written by hand. `text` is what is there, `count` its members. */
static bool read_json(struct reader *r, const struct js *fields, const char *key, enum js_type type, const char **text, size_t *count,
                      struct err *e)
{
    CLEANUP(text_free) struct text written = {0};
    const struct js *node = js_get(fields, key);
    if (js_text(node))
        text_puts(&written, js_text(node));
    else if (!js_is_null(node))
        js_write(&written, node);
    if (written.len == 0)
        text_puts(&written, type == JS_ARRAY ? "[]" : "{}");
    CLEANUP(js_freep) struct js *document = js_parse(text_str(&written), written.len, e);
    if (!document)
        return err_add(e, "%s", key);
    if (js_type(document) != type)
        return err_set(e, ERR_DATA, "%s: %s, not %s", key, js_type_name(js_type(document)), js_type_name(type));
    *text = region_strdup(r->in->region, text_str(&written));
    *count = js_count(document);
    return true;
}

static bool read_args(struct reader *r, struct import_row *row, const struct js *fields, struct err *e)
{
    const char *positional = NULL;
    size_t count = 0, named = 0;
    if (!read_json(r, fields, "args", JS_ARRAY, &positional, &count, e) ||
        !read_json(r, fields, "kwargs", JS_OBJECT, &row->args, &named, e))
        return false;
    if (count > 0) {
        row->held = true;
        import_note(r->in, row, "positional arguments %s not kept: name them in args", positional);
    }
    return true;
}

static bool is_queue(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-");
    return length <= QUEUE_MAX && name[length] == '\0';
}

/* What a schedule here has no column for, and what it says when it says nothing. */
static const struct {
    const char *key, *nothing;
} lost[] = {{"exchange", ""}, {"routing_key", ""}, {"headers", "{}"}, {"expire_seconds", ""}};

static void note_lost(struct reader *r, struct import_row *row, const struct js *fields)
{
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        const struct js *node = js_get(fields, lost[i].key);
        const char *text = js_text(node);
        if (!js_is_null(node) && !(text && (!*text || strcmp(text, lost[i].nothing) == 0)))
            import_note(r->in, row, "%s not kept", lost[i].key);
    }
}

/* Celery's priorities on Redis are ours: 0 to 9, smaller is sooner. */
static void read_options(struct reader *r, struct import_row *row, const struct js *fields)
{
    const char *queue = js_text(js_get(fields, "queue"));
    int64_t priority = -1;
    if (queue && *queue && is_queue(queue))
        row->queue = region_strdup(r->in->region, queue);
    else if (queue && *queue)
        import_note(r->in, row, "queue '%s' not kept: a queue's name is made of a-z 0-9 _ . -", queue);
    if (js_integer(js_get(fields, "priority"), &priority) && (priority < 0 || priority > PRIORITY_MAX)) {
        import_note(r->in, row, "priority %" PRId64 " not kept: priorities are 0 to 9", priority);
        priority = -1;
    }
    row->priority = (int)priority;
    js_bool(js_get(fields, "enabled"), &row->enabled);
    note_lost(r, row, fields);
}

/* Files ------------------------------------------------------------------------------------------------------------- */

static void read_row(struct reader *r, const struct js *source)
{
    struct import_row *row = &r->in->rows[r->in->count++];
    const struct js *fields = js_get(source, "fields");
    struct err e;
    *row = (struct import_row){.args = "{}", .priority = -1, .enabled = true};
    read_options(r, row, fields);
    if (!read_names(r, row, source, &e) || !read_times(r, row, fields, &e) || !read_args(r, row, fields, &e))
        row->problem = region_strdup(r->in->region, e.text);
}

static bool read_document(struct import *in, const struct js *document, struct err *e)
{
    size_t count = js_count(document);
    if (js_type(document) != JS_ARRAY)
        return err_set(e, ERR_DATA, "%s, not an array of {model, pk, fields}", js_type_name(js_type(document)));
    if (count > IMPORT_ROWS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d rows", IMPORT_ROWS_MAX);
    struct reader r = {.in = in, .times = region_alloc(in->region, (count + 1) * sizeof *r.times)};
    in->rows = region_alloc(in->region, (count + 1) * sizeof *in->rows);
    for (size_t i = 0; i < count; i++) {
        const char *table = table_of(js_at(document, i));
        if (table)
            keep_times(&r, js_at(document, i), table);
    }
    qsort(r.times, r.times_count, sizeof *r.times, compare_times);
    for (size_t i = 0; i < count; i++) {
        const char *table = table_of(js_at(document, i));
        if (table && strcasecmp(table, "periodictask") == 0)
            read_row(&r, js_at(document, i));
    }
    return in->count > 0 || err_set(e, ERR_DATA, "there is no " MODELS "periodictask in it");
}

bool import_django(struct import *in, const char *text, size_t len, struct err *e)
{
    CLEANUP(js_freep) struct js *document = js_parse(text, len, e);
    return document && read_document(in, document, e);
}
