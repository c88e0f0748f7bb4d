/* prp.due_reports: say of each report that nobody has handed in whether it is due, overdue or not due yet. */
#include "tasks/prp/prp.h"

enum { REPORTS_PAGE = 2000 };

struct args {
    const char *today;
};

static const struct field fields[] = {PRP_TODAY_FIELD(struct args), {0}};

struct checking {
    struct task *task;
    char today[PRP_DAY_MAX];
    int64_t total;
    struct text words; /* "(Overdue for ID 5), …" */
    struct report report;
};

enum { WORDS_MAX = 4000 };

static bool check_page(struct checking *c, const char *kind, int64_t *last, bool *more, struct err *e)
{
    struct pg_rows rows;
    if (!task_sql_rows(c->task, &sql_prp_due_reports, &rows, e, pg_int(*last), pg_int(REPORTS_PAGE), pg_text(kind), pg_text(c->today)))
        return false;
    int64_t seen = pg_get_int(&rows, 0, 1), changed = pg_get_int(&rows, 0, 2);
    *last = pg_get_int(&rows, 0, 0);
    *more = seen > 0;
    c->report.fetched += seen;
    c->report.updated += changed;
    c->report.unchanged += seen - changed;
    if (changed > 0)
        text_printf(&c->words, "%s%s", c->words.len > 0 ? ", " : "", pg_get_text(&rows, 0, 3));
    return task_commit(c->task, e) && task_progress(c->task, c->report.fetched, c->total, "reports", e);
}

static bool check_all(void *data, struct err *e)
{
    static const char *const kinds[] = {"progress", "indicator"};
    struct checking *c = data;
    struct pg_rows rows;
    if (!task_sql_rows(c->task, &sql_prp_due_total, &rows, e))
        return false;
    c->total = pg_get_int(&rows, 0, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int64_t last = 0;
        for (bool more = true; more;)
            if (!check_page(c, kinds[i], &last, &more, e))
                return false;
    }
    return true;
}

static bool tell(struct checking *c, struct err *e)
{
    struct row row CLEANUP(row_free) = {0};
    struct text words CLEANUP(text_free) = {0};
    text_puts(&words, "---");
    if (c->report.updated > 0) {
        text_reset(&words);
        text_printf(&words, "Updated %" PRId64 " Reports: %s%s", c->report.updated, text_str(&c->words), c->words.cut ? " …" : "");
    }
    row_text(&row, "message", text_str(&words));
    row_int(&row, "updated", c->report.updated);
    return task_result(c->task, row_end(&row), e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    struct checking c = {.task = task, .words = {.max = WORDS_MAX}, .report = {.task = task, .handler = "prp.due_reports"}};
    const struct report_run around = {.lock = "prp.due_reports", .run = check_all, .data = &c};
    if (!prp_day(args->today, c.today, e))
        return false;
    enum report_end end = report_around(&c.report, &around, e);
    bool good = end == REPORT_LEFT_OUT || (end == REPORT_GOOD && tell(&c, e));
    text_free(&c.words);
    report_free(&c.report);
    return good;
}

const struct handler handler_prp_due_reports = {
    .name = "prp.due_reports",
    .summary = "Bring the status of reports that are due up to date",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 3, .first = SECONDS(30), .cap = MINUTES(10)},
};
