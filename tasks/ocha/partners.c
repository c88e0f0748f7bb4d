/* ocha.partners: which organization of HPC each partner is, by name or abbreviation. */
#include "tasks/ocha/ocha.h"

struct args {
    const char *area, *upstream;
};

static const struct field fields[] = {
    STR_FIELD(struct args, area, .max = 2, .help = "partners of one country, by its two letters; none: all"),
    STR_FIELD(struct args, upstream, .fallback = "ocha", .help = "the upstream to ask"),
    {0},
};

/* For the counts: the statement is run by hand, once all names are there. */
static const struct staging_step steps[] = {{&sql_ocha_partner, "partner", STAGING_SHARED}, {0}};

static enum ocha_read read_organization(struct ocha_run *run, const struct js *organization, int number, struct err *e)
{
    static const struct column columns[] = {
        {"id", NULL, COLUMN_ID, .required = true},
        {"name", NULL, COLUMN_TEXT, .required = true, .max = 2048},
        {"abbreviation", NULL, COLUMN_TEXT, .max = 2048},
        {0},
    };
    run->row.flat = true;
    bool good = record_read(organization, columns, NULL, &run->row, e);
    row_int(&run->row, NULL, run->report.index);
    return good && ocha_stage(run, number, "organization", e) ? OCHA_READ : OCHA_BAD;
}

/* Names say something only together: they are sent in batches, and matched at the end. */
static bool send(struct ocha_run *run, struct err *e)
{
    run->report.unchanged += run->count;
    run->count = run->rows = 0;
    return staging_send(run->staging, e) && task_progress(run->task, run->report.fetched, 0, "organizations", e);
}

static bool read_all(struct ocha_run *run, struct records *records, struct err *e)
{
    static const struct ocha_list list = {read_organization, "id", NULL, true};
    struct record record;
    while (records_next(records, &record))
        if (!ocha_take(run, &record, &list, e) || (run->count == OCHA_BATCH && !send(run, e)))
            return false;
    return records_end(records, e) && send(run, e);
}

static bool match(struct ocha_run *run, struct err *e)
{
    struct pg_rows rows;
    const struct args *args = run->args;
    if (!task_sql_rows(run->task, &sql_ocha_partner, &rows, e, pg_text(args->area)))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        bool written = pg_get_bool(&rows, i, 1);
        run->report.updated += written;
        run->report.unchanged -= written;
        run->report.counts[0].updated += written;
        if (!written)
            report_note(&run->report, pg_get_text(&rows, i, 0));
    }
    return true;
}

static bool copy(struct ocha_run *run, struct err *e)
{
    struct records *answer CLEANUP(records_freep) = ocha_ask(run, "/v1/public/organization", "data", e);
    return answer && read_all(run, answer, e) && match(run, e);
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    const struct ocha_job job = {"ocha.partners", steps, copy};
    return ocha_run(task, &job, args->upstream, 0, args, e);
}

const struct handler handler_ocha_partners = {
    .name = "ocha.partners",
    .summary = "Find out which organization of HPC each partner is",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .retry = {.max = 4, .first = SECONDS(30), .cap = MINUTES(10)},
};
