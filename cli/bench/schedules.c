/* schedules: how many next ticks a second are found, over expressions of every kind. */
#include "cli/bench/bench.h"
#include "common/base/cron.h"

static const usec_t measure_for = SECONDS(1);

static const struct {
    const char *text, *tz;
} expressions[] = {
    {"*/5 * * * *", NULL}, {"30 2 * * *", "Europe/Paris"}, {"0 4 * * 1-5", "Africa/Nairobi"}, {"15 3 1 * *", NULL}, {"0 12 29 2 *", "Asia/Kolkata"},
};

enum { EXPRESSIONS = sizeof expressions / sizeof *expressions };

static int64_t count_ticks(struct cron *const *crons, usec_t deadline)
{
    int64_t ticks = 0;
    usec_t at[EXPRESSIONS];
    for (size_t i = 0; i < EXPRESSIONS; i++)
        at[i] = clock_now();
    while (clock_boot() < deadline)
        for (size_t i = 0; i < EXPRESSIONS; i++, ticks++)
            if (!cron_next(crons[i], at[i], &at[i]))
                at[i] = clock_now();
    return ticks;
}

bool bench_schedules(struct bench *b, struct err *e)
{
    struct cron *crons[EXPRESSIONS] = {NULL};
    bool good = true;
    for (size_t i = 0; i < EXPRESSIONS && good; i++)
        good = (crons[i] = cron_parse(expressions[i].text, expressions[i].tz, NULL, e)) != NULL;
    usec_t begun = clock_boot();
    int64_t ticks = good ? count_ticks(crons, begun + measure_for) : 0;
    b->ticks_per_s = (double)ticks * 1e6 / (double)(clock_boot() - begun);
    for (size_t i = 0; i < EXPRESSIONS; i++)
        cron_free(crons[i]);
    return good;
}
