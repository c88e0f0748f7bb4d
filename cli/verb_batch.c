/* batch ls, show, wait, cancel, retry, enqueue. */
#include "cli/input.h"
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/task_id.h"
#include "cli/verb.h"
#include "common/base/json.h"
#include "sql/queries.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 10000, STATE_COLUMN = 3 };

static const usec_t look_first = MSEC(50), look_last = SECONDS(2);

static const struct column columns[] = {
    {"id", COLUMN_TEXT},
    {"label", COLUMN_TEXT},
    {"kind", COLUMN_TEXT},
    {"state", COLUMN_TEXT},
    {"total", COLUMN_NUMBER},
    {"queued", COLUMN_NUMBER},
    {"running", COLUMN_NUMBER},
    {"success", COLUMN_NUMBER},
    {"errored", COLUMN_NUMBER},
    {"killed", COLUMN_NUMBER},
    {"skipped", COLUMN_NUMBER},
    {"not_started", COLUMN_NUMBER, IN_JSON | IN_RECORD},
    {"progress", COLUMN_NUMBER},
    {"parent_id", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"root_id", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"cause_id", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"called", COLUMN_JSON, IN_JSON | IN_RECORD},
    {"tenant", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"created_by", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {"created_at", COLUMN_TIME},
    {"started_at", COLUMN_TIME, IN_JSON | IN_RECORD},
    {"ended_at", COLUMN_TIME, IN_JSON | IN_RECORD},
    {"error", COLUMN_TEXT, IN_JSON | IN_RECORD},
    {0},
};

static const struct column member_columns[] = {
    {"place", COLUMN_NUMBER},
    {"id", COLUMN_TEXT},
    {"name", COLUMN_TEXT},
    {"status", COLUMN_STATUS},
    {"error", COLUMN_TEXT},
    {0},
};

/* ls ---------------------------------------------------------------------------------------------------------------- */

struct ls {
    int64_t limit;
    bool live, json;
};

static const struct flag ls_flags[] = {
    SWITCH_FLAG(struct ls, live, "live", .help = "only those that have not ended"),
    NUMBER_FLAG(struct ls, limit, "limit", .value = "N", .min = 1, .max = LIMIT_MAX, .help = "at most so many (50)"),
    SWITCH_FLAG(struct ls, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static int run_ls(int argc, char **argv)
{
    struct ls args = {.limit = LIMIT_DEFAULT};
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct err e;
    if (!flags_read(ls_flags, argc, argv, &args, &e) || !session_open(&s, &e) ||
        !pg_exec(s.pg, &sql_batch_rows, &rows, &e, pg_text(NULL), pg_int(args.limit), pg_bool(args.live)))
        return verb_failed(&e);
    rows_print(&rows, columns, args.json);
    return EXIT_DONE;
}

/* One batch --------------------------------------------------------------------------------------------------------- */

struct one {
    const char *id;
    usec_t timeout;
    bool json;
};

/* The batch that is meant, and its row. */
static bool look(struct session *s, struct uuid id, struct pg_rows *rows, struct err *e)
{
    char text[UUID_TEXT_MAX];
    if (!pg_exec(s->pg, &sql_batch_rows, rows, e, pg_uuid(id), pg_int(1), pg_bool(false)))
        return false;
    return rows->count > 0 || err_set(e, ERR_NOT_FOUND, "there is no batch %s", uuid_format(id, text));
}

static const struct flag show_flags[] = {
    TEXT_OPERAND(struct one, id, "ID", .required = true, .help = "the batch's id, or at least 8 digits of its beginning"),
    SWITCH_FLAG(struct one, json, "json", .help = "print JSON"),
    {0},
};

static int run_show(int argc, char **argv)
{
    struct one args = {0};
    CLEANUP(session_close) struct session s = {0};
    CLEANUP(text_free) struct text out = {0};
    struct pg_rows rows;
    struct uuid id;
    struct err e;
    if (!flags_read(show_flags, argc, argv, &args, &e) || !session_open(&s, &e) || !batch_id_read(s.pg, args.id, &id, &e) || !look(&s, id, &rows, &e))
        return verb_failed(&e);
    if (args.json)
        rows_json_open(&rows, 0, columns, &out);
    else
        rows_record(&rows, 0, columns, &out);
    if (!pg_exec(s.pg, &sql_batch_children, &rows, &e, pg_uuid(id)))
        return verb_failed(&e);
    if (args.json) {
        rows_json_array(&rows, "members", member_columns, &out);
        text_puts(&out, "}\n");
    } else {
        rows_lines(&rows, "members", member_columns, &out);
    }
    fputs(text_str(&out), stdout);
    return EXIT_DONE;
}

static const struct flag wait_flags[] = {
    TEXT_OPERAND(struct one, id, "ID", .required = true, .help = "the batch's id, or at least 8 digits of its beginning"),
    DURATION_FLAG(struct one, timeout, "timeout", .value = "DURATION", .help = "give up after this, exit 6 (waits for ever)"),
    {0},
};

static bool is_over(const char *state)
{
    return strcmp(state, "success") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
}

static int run_wait(int argc, char **argv)
{
    struct one args = {.timeout = -1};
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct uuid id;
    struct err e;
    if (!flags_read(wait_flags, argc, argv, &args, &e) || !session_open(&s, &e) || !batch_id_read(s.pg, args.id, &id, &e))
        return verb_failed(&e);
    usec_t deadline = args.timeout < 0 ? 0 : clock_boot() + args.timeout;
    for (usec_t pause = look_first;; pause = pause * 3 / 2 < look_last ? pause * 3 / 2 : look_last) {
        if (!look(&s, id, &rows, &e))
            return verb_failed(&e);
        const char *state = pg_get_text(&rows, 0, STATE_COLUMN);
        usec_t left = deadline ? deadline - clock_boot() : pause;
        if (is_over(state) || left <= 0) {
            puts(state);
            return !is_over(state) ? EXIT_NOT_MET : strcmp(state, "success") == 0 ? EXIT_DONE : EXIT_FAILED;
        }
        poll(NULL, 0, (int)((left < pause ? left : pause) / 1000 + 1));
    }
}

/* Changing one ------------------------------------------------------------------------------------------------------ */

static const struct flag change_flags[] = {
    TEXT_OPERAND(struct one, id, "ID", .required = true, .help = "the batch's id, or at least 8 digits of its beginning"),
    {0},
};

/* Ask for one thing; answers the row of it in `rows`. */
static bool change(int argc, char **argv, struct session *s, const struct sql *query, struct pg_rows *rows, struct err *e)
{
    struct one args = {0};
    struct uuid id;
    if (!flags_read(change_flags, argc, argv, &args, e) || !session_open(s, e) || !batch_id_read(s->pg, args.id, &id, e) || !pg_exec(s->pg, query, rows, e, pg_uuid(id)))
        return false;
    return !pg_is_null(rows, 0, 0) || err_set(e, ERR_NOT_FOUND, "there is no batch %s", args.id);
}

static int run_cancel(int argc, char **argv)
{
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct err e;
    if (!change(argc, argv, &s, &sql_batch_cancel, &rows, &e))
        return verb_failed(&e);
    if (!pg_get_bool(&rows, 0, 0)) {
        fprintf(stderr, "drumbeat: the batch has ended\n");
        return EXIT_REFUSED;
    }
    puts("cancelled: what waits has ended, what runs is asked to stop");
    return EXIT_DONE;
}

static int run_retry(int argc, char **argv)
{
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct err e;
    if (!change(argc, argv, &s, &sql_batch_retry, &rows, &e))
        return verb_failed(&e);
    int64_t count = pg_get_int(&rows, 0, 0);
    if (count == 0) {
        fprintf(stderr, "drumbeat: nothing in the batch can be retried\n");
        return EXIT_REFUSED;
    }
    printf("%lld taken up again\n", (long long)count);
    return EXIT_DONE;
}

/* enqueue ----------------------------------------------------------------------------------------------------------- */

struct enqueue {
    const char *spec, *tenant, *key;
};

static const struct flag enqueue_flags[] = {
    TEXT_OPERAND(struct enqueue, spec, "JSON|@FILE|-", .required = true, .help = "the workflow: itself, a file, standard input"),
    TEXT_FLAG(struct enqueue, tenant, "tenant", .value = "T", .help = "whom it is for"),
    TEXT_FLAG(struct enqueue, key, "idempotency-key", .value = "KEY", .help = "the same key within 24 hours prints the id of the first call"),
    {0},
};

static bool read_spec(const char *spec, struct text *out, struct err *e)
{
    if (strcmp(spec, "-") == 0 || spec[0] == '@') {
        if (!input_read(spec + (spec[0] == '@'), out, e))
            return false;
    } else {
        text_puts(out, spec);
    }
    CLEANUP(js_freep) struct js *document = js_parse(text_str(out), out->len, e);
    if (!document)
        e->kind = ERR_USAGE;
    return document != NULL;
}

static int run_enqueue(int argc, char **argv)
{
    struct enqueue args = {0};
    CLEANUP(session_close) struct session s = {0};
    CLEANUP(text_free) struct text spec = {0};
    struct pg_rows rows;
    struct err e;
    char text[UUID_TEXT_MAX];
    if (!flags_read(enqueue_flags, argc, argv, &args, &e) || !read_spec(args.spec, &spec, &e) || !session_open(&s, &e))
        return verb_failed(&e);
    if (!pg_exec(s.pg, &sql_batch_enqueue, &rows, &e, pg_json(text_str(&spec)), pg_text(args.tenant), pg_text(args.key)))
        return verb_misused(&e);
    puts(uuid_format(pg_get_uuid(&rows, 0, 0), text));
    return EXIT_DONE;
}

const struct verb verb_batch_ls = {
    .name = "batch ls",
    .summary = "the newest workflows and how far they are",
    .example = "drumbeat batch ls --live",
    .flags = ls_flags,
    .run = run_ls,
};

const struct verb verb_batch_show = {
    .name = "batch show",
    .summary = "one batch with its members",
    .example = "drumbeat batch show 0190a5d2",
    .flags = show_flags,
    .run = run_show,
};

const struct verb verb_batch_wait = {
    .name = "batch wait",
    .summary = "wait until a batch has ended",
    .details = "Exit status: 0 success, 1 another outcome, 6 timed out, 3 unknown. Callbacks are not waited for.",
    .example = "drumbeat batch wait 0190a5d2 --timeout 1h",
    .flags = wait_flags,
    .run = run_wait,
};

const struct verb verb_batch_cancel = {
    .name = "batch cancel",
    .summary = "cancel a batch with everything in it",
    .example = "drumbeat batch cancel 0190a5d2",
    .flags = change_flags,
    .run = run_cancel,
};

const struct verb verb_batch_retry = {
    .name = "batch retry",
    .summary = "queue again what did not succeed in a batch, and go on from there",
    .example = "drumbeat batch retry 0190a5d2",
    .flags = change_flags,
    .run = run_retry,
};

const struct verb verb_batch_enqueue = {
    .name = "batch enqueue",
    .summary = "start a workflow and print its id",
    .example = "drumbeat batch enqueue '{\"chain\": [{\"task\": \"echo\"}, {\"group\": [{\"task\": \"noop\"}, {\"task\": \"noop\"}]}]}'",
    .flags = enqueue_flags,
    .run = run_enqueue,
};
