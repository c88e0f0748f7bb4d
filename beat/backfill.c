/* backfill: the range is cut into batches of ticks; the store answers how far each got. A batch is a tenth of a
 * second's worth. */
#include "beat/backfill.h"
#include "beat/store.h"
#include "common/base/text.h"
#include "sql/queries.h"

#include <time.h>

#define BUSY_WAIT MSEC(200) /* before it is looked again whether the task before has ended */

struct found {
    struct rule *rule; /* NULL: *e says why */
    struct err *e;
};

static void read_rule(void *data, const struct schedule_row *row)
{
    struct found *found = data;
    if (row->rule.specs[0] == '\0')
        err_set(found->e, ERR_NOT_FOUND, "there is no schedule '%s'", row->rule.name);
    else
        found->rule = rule_parse(&row->rule, found->e);
}

static bool settle_range(struct pg *pg, struct backfill *range, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_schedule_clock, &rows, e))
        return false;
    usec_t now = pg_get_time(&rows, 0, 0);
    range->to = range->to ? range->to : now;
    if (range->from >= range->to)
        return err_set(e, ERR_USAGE, "the range ends before it begins");
    return range->to <= now || err_set(e, ERR_USAGE, "the range ends in the future");
}

static bool count_ticks(const struct rule *rule, const struct backfill *what, int64_t *count, struct err *e)
{
    *count = 0;
    for (usec_t tick = what->from - 1; rule_next(rule, tick, &tick) && tick < what->to; ++*count)
        if (*count == BACKFILL_TICKS_MAX)
            return err_set(e, ERR_LIMIT, "more than %d ticks in this range", BACKFILL_TICKS_MAX);
    return true;
}

static void wait_for(usec_t duration)
{
    struct timespec rest = {.tv_sec = duration / SECONDS(1), .tv_nsec = duration % SECONDS(1) * 1000};
    nanosleep(&rest, NULL);
}

static bool emit_batch(struct pg *pg, const struct backfill *what, const int64_t *ticks, size_t count, int64_t *dealt,
                       int64_t *emitted, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_schedule_backfill, &rows, e, pg_text(what->name), pg_ints(ticks, count), pg_bool(what->dry)))
        return err_add(e, "backfill");
    if (rows.count == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no schedule '%s'", what->name);
    *dealt = pg_get_int(&rows, 0, 0);
    *emitted = pg_get_int(&rows, 0, 1);
    return true;
}

static bool emit_range(struct pg *pg, const struct rule *rule, const struct backfill *what, struct backfilled *out,
                       struct err *e)
{
    int64_t ticks[STORE_PAGE], dealt = 0, emitted = 0, tenth = what->rate / 10 + 1;
    size_t most = what->dry || tenth > STORE_PAGE ? STORE_PAGE : (size_t)tenth;
    for (usec_t after = what->from - 1;;) {
        size_t count = 0;
        for (usec_t tick = after; count < most && rule_next(rule, tick, &tick) && tick < what->to;)
            ticks[count++] = tick;
        if (count == 0)
            return true;
        if (!emit_batch(pg, what, ticks, count, &dealt, &emitted, e))
            return false;
        out->emitted += emitted;
        after = dealt > 0 ? ticks[dealt - 1] : after;
        if (!what->dry)
            wait_for(emitted > 0 || dealt == (int64_t)count ? emitted * SECONDS(1) / what->rate : BUSY_WAIT);
    }
}

bool backfill(struct pg *pg, const struct backfill *what, struct backfilled *out, struct err *e)
{
    struct found found = {.e = e};
    struct backfill range = *what;
    *out = (struct backfilled){0};
    if (!settle_range(pg, &range, e) || !store_rows(pg, &what->name, 1, read_rule, &found, e) || !found.rule)
        return false;
    bool good = count_ticks(found.rule, &range, &out->ticks, e) && emit_range(pg, found.rule, &range, out, e);
    rule_free(found.rule);
    return good;
}
