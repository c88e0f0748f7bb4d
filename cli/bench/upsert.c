/* upsert: a long list into a table, as a sync does it (staging.h: a COPY and a statement a page, each page in a transaction of
 * its own), held against one COPY and one INSERT … ON CONFLICT of the same rows. */
#include "cli/bench/bench.h"
#include "common/task/runtime.h"
#include "common/task/staging.h"

#include <string.h>
#include <sys/resource.h>

enum { UPSERT_FIELDS = 7, UPSERT_PAGE = STAGING_RECORDS_MAX };

/* The texts of one row. They are made with as little work as can be: making rows is not what is measured. */
struct item {
    char number[11], vendor[11], title[48], amount[9], due[11], line[3];
};

static const struct item blank = {"0000000000", "2500000000", "Reservation 000000 for water, schools, health", "00000.00", "2025-00-00", "00"};

static void put(char *at, int digits, int64_t value)
{
    for (; digits > 0; value /= 10)
        at[--digits] = (char)('0' + value % 10);
}

/* The n-th row, in no order of keys; `change` makes its amount another one. */
static void make(int64_t n, int64_t change, struct item *item, const char *fields[static UPSERT_FIELDS])
{
    put(item->number, 10, (n * 7919) % 1000000007);
    put(item->vendor + 6, 4, n % 4000);
    put(item->title + strlen("Reservation "), 6, n);
    put(item->amount, 5, 1000 + n % 90000 + change);
    put(item->amount + 6, 2, n);
    put(item->due + 5, 2, n % 12 + 1);
    put(item->due + 8, 2, n % 28 + 1);
    put(item->line, 2, n % 30);
    const char *const all[] = {item->number, item->vendor, item->title, item->amount, item->due, n % 3 ? "f" : "t", item->line};
    for (int i = 0; i < UPSERT_FIELDS; i++)
        fields[i] = all[i];
}

/* Raw ----------------------------------------------------------------------------------------------------------------------- */

static bool copy_raw(struct pg *pg, int64_t rows, struct err *e)
{
    struct item item = blank;
    const char *fields[UPSERT_FIELDS];
    if (!pg_copy_begin(pg, &sql_bench_upsert_raw_copy, e))
        return false;
    for (int64_t n = 0; n < rows; n++) {
        make(n, 0, &item, fields);
        if (!pg_copy_row(pg, fields, UPSERT_FIELDS, e))
            return false;
    }
    return pg_copy_end(pg, NULL, e);
}

static bool upsert_raw(struct pg *pg, int64_t rows, struct err *e)
{
    return pg_begin(pg, e) && pg_exec(pg, &sql_bench_upsert_raw_stage, NULL, e) && copy_raw(pg, rows, e) &&
           pg_exec(pg, &sql_bench_upsert_raw, NULL, e) && pg_commit(pg, e);
}

/* Staged -------------------------------------------------------------------------------------------------------------------- */

struct upsert {
    int64_t rows, change;
    struct staging_count count;
};

static const struct staging_step steps[] = {{&sql_bench_upsert_step, "bench_upsert", STAGING_MAIN}, {0}};

static bool add(struct staging *staging, struct row *row, int64_t n, const struct upsert *u, struct err *e)
{
    struct item item = blank;
    const char *fields[UPSERT_FIELDS];
    make(n, u->change, &item, fields);
    for (int i = 0; i < UPSERT_FIELDS; i++)
        row_text(row, NULL, fields[i]);
    return staging_add(staging, (int)(n % UPSERT_PAGE), "item", row, e);
}

static bool run_upsert(struct task *task, const void *data, struct err *e)
{
    struct upsert *u = *(struct upsert *const *)data;
    struct row row CLEANUP(row_free) = {.flat = true};
    struct staging *staging CLEANUP(staging_freep) = staging_new(task);
    for (int64_t n = 0; n < u->rows;) {
        if (!add(staging, &row, n++, u, e))
            return false;
        if (n % UPSERT_PAGE != 0 && n < u->rows)
            continue;
        if (!staging_move(staging, steps, &u->count, e) || !task_commit(task, e) || !task_progress(task, n, u->rows, NULL, e))
            return false;
        staging_reset(staging);
    }
    return true;
}

static bool check(void *data, struct err *e)
{
    (void)data;
    return !bench_interrupted(e);
}

static void ignore_progress(void *data, int64_t value, int64_t end, const char *message)
{
    (void)data, (void)value, (void)end, (void)message;
}

static struct pg *connection(void *data, struct err *e)
{
    (void)e;
    return data;
}

static bool commit(void *data, struct err *e)
{
    return pg_commit(data, e);
}

static bool upsert_staged(struct bench *b, struct upsert *u, struct err *e)
{
    struct region *region = region_new();
    const struct upsert *const pointer = u;
    const struct handler handler = {.name = "bench.upsert", .run = run_upsert, .context = &pointer};
    const struct task_host host = {.data = b->session->pg, .config = b->session->config, .check = check, .progress = ignore_progress,
                                   .pg = connection, .commit = commit};
    const struct task_facts facts = {.id = uuid_v7(), .attempt = 1, .soft_at = clock_boot() + HOURS(1), .args = "{}"};
    struct task_end end;
    task_run(&handler, &facts, &host, region, &end);
    if (!end.success)
        *e = end.error;
    region_free(region);
    return end.success;
}

/* Measuring ----------------------------------------------------------------------------------------------------------------- */

static double per_second(int64_t rows, usec_t begun)
{
    return (double)rows * 1e6 / (double)(clock_boot() - begun + 1);
}

static double peak_mib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : -1;
}

static bool measure(struct bench *b, struct err *e)
{
    struct pg *pg = b->session->pg;
    struct upsert same = {.rows = b->tasks}, changed = {.rows = b->tasks, .change = 1}, fresh = {.rows = b->tasks};
    usec_t begun;
    if (!pg_exec(pg, &sql_bench_upsert_create, NULL, e) || !pg_exec(pg, &sql_bench_upsert_empty, NULL, e))
        return false;
    begun = clock_boot();
    if (!upsert_raw(pg, b->tasks, e))
        return false;
    b->upsert_raw = per_second(b->tasks, begun);
    if (!pg_exec(pg, &sql_bench_upsert_empty, NULL, e))
        return false;
    begun = clock_boot();
    if (!upsert_staged(b, &fresh, e))
        return false;
    b->upsert_staged = per_second(b->tasks, begun);
    begun = clock_boot();
    if (!upsert_staged(b, &same, e))
        return false;
    b->upsert_same = per_second(b->tasks, begun);
    begun = clock_boot();
    if (!upsert_staged(b, &changed, e))
        return false;
    b->upsert_changed = per_second(b->tasks, begun);
    bool right = fresh.count.created == b->tasks && same.count.created + same.count.updated == 0 && changed.count.updated == b->tasks;
    return right || err_set(e, ERR_FAILED, "bench: the staged upsert wrote other rows than it was given");
}

bool bench_upsert(struct bench *b, struct err *e)
{
    struct err ignored;
    bool good = measure(b, e);
    if (pg_in_transaction(b->session->pg))
        pg_rollback(b->session->pg, &ignored);
    pg_exec(b->session->pg, &sql_bench_upsert_drop, NULL, &ignored);
    b->upsert_mib = peak_mib();
    return good;
}
