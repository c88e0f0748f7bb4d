/* work: the checks of workers, beat and what waits. Each asks one question of the schema. */
#include "cli/doctor/doctor.h"
#include "sql/queries.h"

#include <inttypes.h>

enum { WAITING_LONG_S = 60 };

/* The one row that answers `query`. */
static bool ask(struct doctor *d, const struct sql *query, struct pg_rows *rows, struct finding *f)
{
    struct err e;
    if (pg_exec(d->session.pg, query, rows, &e))
        return true;
    found(f, VERDICT_WARN, "%s", e.text);
    return false;
}

void check_workers(struct doctor *d, struct finding *f)
{
    char age[CLOCK_TEXT_MAX];
    struct pg_rows rows;
    if (!ask(d, &sql_doctor_workers, &rows, f))
        return;
    int64_t live = pg_get_int(&rows, 0, 0), known = pg_get_int(&rows, 0, 1), silent = pg_get_int(&rows, 0, 3);
    if (live > 0 && live == known) {
        found(f, VERDICT_OK, "%" PRId64 " with %" PRId64 " children", live, pg_get_int(&rows, 0, 2));
    } else if (live > 0) {
        found(f, VERDICT_WARN, "%" PRId64 " live, %" PRId64 " silent", live, known - live);
        mend(f, "the live ones take over from the silent within seconds; look at their logs");
    } else {
        found(f, VERDICT_WARN, known ? "none live; the last was heard of %s ago" : "none", duration_format(SECONDS(silent), age));
        mend(f, "start one: drumbeat worker");
    }
}

void check_unknown(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask(d, &sql_doctor_unknown, &rows, f))
        return;
    int64_t tasks = pg_get_int(&rows, 0, 0);
    if (tasks == 0) {
        found(f, VERDICT_OK, "live workers have a handler for everything that waits");
        return;
    }
    found(f, VERDICT_WARN, "%" PRId64 " tasks wait for handlers that no live worker has: %s", tasks, pg_get_text(&rows, 0, 1));
    mend(f, "start a worker that has them, or cancel the tasks");
}

void check_unserved(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask(d, &sql_doctor_unserved, &rows, f))
        return;
    int64_t tasks = pg_get_int(&rows, 0, 0);
    if (tasks == 0) {
        found(f, VERDICT_OK, "every queue with tasks is served");
        return;
    }
    found(f, VERDICT_WARN, "%" PRId64 " tasks wait in queues that no live worker serves: %s", tasks, pg_get_text(&rows, 0, 1));
    mend(f, "drumbeat worker --queues …; what a killed drumbeat run left in a queue run.… goes with drumbeat queue purge");
}

void check_waiting(struct doctor *d, struct finding *f)
{
    char age[CLOCK_TEXT_MAX];
    struct pg_rows rows;
    if (!ask(d, &sql_doctor_waiting, &rows, f))
        return;
    int64_t seconds = pg_get_int(&rows, 0, 0);
    if (pg_is_null(&rows, 0, 0)) {
        found(f, VERDICT_OK, "nothing waits");
        return;
    }
    found(f, seconds > WAITING_LONG_S ? VERDICT_WARN : VERDICT_OK, "the oldest task has waited for %s, in queue %s",
          duration_format(SECONDS(seconds > 0 ? seconds : 0), age), pg_get_text(&rows, 0, 1));
    if (f->verdict == VERDICT_WARN)
        mend(f, "more children (worker.pool), or look at what runs: drumbeat task ls --status RUNNING");
}

void check_stuck(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask(d, &sql_doctor_stuck, &rows, f))
        return;
    int64_t tasks = pg_get_int(&rows, 0, 0);
    if (tasks == 0) {
        found(f, VERDICT_OK, "every claimed task has a live worker");
        return;
    }
    found(f, VERDICT_WARN, "%" PRId64 " claimed tasks belong to workers that are gone", tasks);
    mend(f, "any running worker takes them over: start one (drumbeat worker)");
}

void check_paused(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask(d, &sql_doctor_paused, &rows, f) || pg_is_null(&rows, 0, 0))
        return;
    found(f, VERDICT_WARN, "queues are paused: %s", pg_get_text(&rows, 0, 0));
    mend(f, "drumbeat queue resume QUEUE, when the reason is over");
}

/* Columns of the answer. */
enum { LIMITS_RULES, LIMITS_WAITING, LIMITS_HELD, LIMITS_ORPHANS, LIMITS_CLOSED, LIMITS_SLOW, LIMITS_UNUSED };

/* The worst first: what nobody lets in, slots that nobody uses, rates that take days, rules that do nothing. */
void check_limits(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask(d, &sql_doctor_limits, &rows, f))
        return;
    if (!pg_is_null(&rows, 0, LIMITS_CLOSED)) {
        found(f, VERDICT_WARN, "tasks wait although there is room: %s", pg_get_text(&rows, 0, LIMITS_CLOSED));
        mend(f, "workers let them in within a second: look at their logs");
    } else if (pg_get_int(&rows, 0, LIMITS_ORPHANS) > 0) {
        found(f, VERDICT_WARN, "%" PRId64 " slots belong to tasks that neither wait nor run", pg_get_int(&rows, 0, LIMITS_ORPHANS));
        mend(f, "any worker gives them on within a minute; look again then");
    } else if (!pg_is_null(&rows, 0, LIMITS_SLOW)) {
        found(f, VERDICT_WARN, "at its rate the last of the waiting tasks starts in more than a day: %s", pg_get_text(&rows, 0, LIMITS_SLOW));
        mend(f, "raise the rate (drumbeat limit set), or cancel some of them");
    } else if (!pg_is_null(&rows, 0, LIMITS_UNUSED)) {
        found(f, VERDICT_WARN, "limits that nothing is under: %s", pg_get_text(&rows, 0, LIMITS_UNUSED));
        mend(f, "correct the name, or set the handler's limit_by; drumbeat limit clear ends one that was set by hand");
    } else {
        found(f, VERDICT_OK, "%" PRId64 " rules; %" PRId64 " slots are held and %" PRId64 " tasks wait", pg_get_int(&rows, 0, LIMITS_RULES),
              pg_get_int(&rows, 0, LIMITS_HELD), pg_get_int(&rows, 0, LIMITS_WAITING));
    }
}

void check_history(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask(d, &sql_doctor_history, &rows, f))
        return;
    int64_t shelves = pg_get_int(&rows, 0, 0), ahead = pg_get_int(&rows, 0, 1), rest = pg_get_int(&rows, 0, 2);
    if (rest > 0) {
        found(f, VERDICT_WARN, "%" PRId64 "%s tasks stand on no shelf, in drumbeat.task_body_rest: no worker ran when they were enqueued", rest,
              rest == 100000 ? " or more" : "");
        mend(f, "%s", ahead > 0 ? "nothing: they are forgotten with the shelves around their time" : "start a worker: it makes a shelf for the time to come");
    } else if (ahead <= 0) {
        found(f, VERDICT_WARN, "no shelf for this time");
        mend(f, "start a worker: it makes one");
    } else {
        found(f, VERDICT_OK, "%" PRId64 " shelves", shelves);
        if (!pg_is_null(&rows, 0, 3))
            text_printf(&f->reason, "; a prune has looked at %" PRId64 " tasks and keeps %" PRId64, pg_get_int(&rows, 0, 3), pg_get_int(&rows, 0, 4));
    }
}

void check_beat(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask(d, &sql_doctor_beat, &rows, f))
        return;
    int64_t schedules = pg_get_int(&rows, 0, 1);
    if (!pg_is_null(&rows, 0, 2)) {
        found(f, VERDICT_WARN, "%s", pg_get_text(&rows, 0, 2));
        mend(f, "correct the schedule");
    } else if (pg_get_bool(&rows, 0, 0)) {
        found(f, VERDICT_OK, "one emits for %" PRId64 " schedules", schedules);
    } else if (schedules > 0) {
        found(f, VERDICT_WARN, "none runs and %" PRId64 " schedules are enabled", schedules);
        mend(f, "start one: drumbeat beat");
    } else {
        found(f, VERDICT_OK, "none runs; no schedule is enabled");
    }
}
