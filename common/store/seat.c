/* seat: taking a seat, and settling what it holds. The decisions are made in SQL (drumbeat.move_on); this file only says
 * what happened. */
#include "common/store/seat.h"
#include "sql/queries.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *seat_application(struct uuid worker, int seat, char out[static SEAT_APPLICATION_MAX])
{
    char id[UUID_TEXT_MAX];
    snprintf(out, SEAT_APPLICATION_MAX, "drumbeat/%s/%d", uuid_format(worker, id), seat);
    return out;
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_SUCCESS] = "success", [OUTCOME_FAILED] = "failed",       [OUTCOME_CRASHED] = "crashed", [OUTCOME_LIMIT] = "limit",
        [OUTCOME_LOST] = "lost",       [OUTCOME_CANCELLED] = "cancelled", [OUTCOME_EXPIRED] = "expired", [OUTCOME_RETURNED] = "returned",
        [OUTCOME_SNOOZED] = "snoozed",
    };
    return names[outcome];
}

static struct pg_arg int_or_null(int64_t value, int64_t none)
{
    return value == none ? pg_null() : pg_int(value);
}

bool seat_take(struct pg *pg, struct seat_key *key, struct err *e)
{
    char application[SEAT_APPLICATION_MAX];
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_seat_take, &rows, e, pg_uuid(key->worker), pg_int(key->seat), pg_text(seat_application(key->worker, key->seat, application))))
        return err_add(e, "taking seat %d", key->seat);
    key->epoch = pg_get_int(&rows, 0, 0);
    return true;
}

bool seat_raise(struct pg *pg, struct seat_key *key, struct err *e)
{
    char application[SEAT_APPLICATION_MAX];
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_seat_raise, &rows, e, pg_uuid(key->worker), pg_int(key->seat), pg_int(key->epoch),
                 pg_text(seat_application(key->worker, key->seat, application))))
        return err_add(e, "seat %d after a lost connection", key->seat);
    key->epoch = pg_get_int(&rows, 0, 0);
    return true;
}

bool seat_release(struct pg *pg, const struct seat_key *key, int *count, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_seat_release, &rows, e, pg_uuid(key->worker), pg_int(key->seat), pg_int(key->epoch)))
        return err_add(e, "releasing seat %d", key->seat);
    *count = (int)pg_get_int(&rows, 0, 0);
    return true;
}

static struct pg_call plain_call(const struct settlement *s, const struct seat_key *key)
{
    return (struct pg_call){
        .query = &sql_settle_plain,
        .args = {pg_uuid(key->worker), pg_int(key->seat), pg_int(key->epoch), pg_int(s->fence), pg_ints(s->started, s->count),
                 pg_ints(s->ended, s->count), pg_bool(s->has_ties), {.type = PG_END}},
    };
}

static struct pg_call one_call(const struct settlement *s, const struct other *other, const struct seat_key *key)
{
    const struct attempt_end *end = &other->end;
    return (struct pg_call){
        .query = &sql_settle_one,
        .args = {pg_uuid(key->worker), pg_int(key->seat), pg_int(key->epoch), pg_int(s->fence), pg_int(other->place),
                 pg_text(outcome_name(end->outcome)), pg_bool(end->retryable), pg_duration(end->retry_after), pg_time_or_null(end->started_at),
                 pg_time(end->ended_at), pg_json(end->result), pg_text(end->error), int_or_null(end->peak_rss, -1), int_or_null(end->cpu_ms, -1),
                 int_or_null(end->progress_value, -1), int_or_null(end->end_value, -1), pg_text(end->progress_message), {.type = PG_END}},
    };
}

size_t settle_calls(const struct settlement *s, const struct seat_key *key, struct pg_call *calls)
{
    size_t count = 0;
    if (s->plain > 0)
        calls[count++] = plain_call(s, key);
    for (size_t i = 0; i < s->other_count; i++)
        calls[count++] = one_call(s, &s->others[i], key);
    return count;
}

static struct pg_call empty_call(const struct seat_key *key, struct uuid lost, const struct attempt_end *end)
{
    return (struct pg_call){
        .query = &sql_seat_empty,
        .args = {pg_uuid(key->worker), pg_int(key->seat), pg_int(key->epoch), pg_uuid_or_null(lost), pg_text(outcome_name(end->outcome)),
                 pg_bool(end->retryable), pg_time_or_null(end->started_at), pg_time(end->ended_at ? end->ended_at : clock_now()), pg_text(end->error),
                 int_or_null(end->signal, 0), int_or_null(end->exit_code, -1), int_or_null(end->peak_rss, -1), int_or_null(end->cpu_ms, -1),
                 {.type = PG_END}},
    };
}

bool seat_empty(struct pg *pg, const struct seat_key *key, const struct settlement *ran, struct uuid lost, const struct attempt_end *how, struct err *e)
{
    static const struct attempt_end nothing = {.outcome = OUTCOME_RETURNED, .exit_code = -1, .peak_rss = -1, .cpu_ms = -1};
    static const struct settlement none;
    const struct settlement *settle = ran ? ran : &none;
    struct pg_call *calls = mem_zero(settle->other_count + 2, sizeof *calls);
    struct pg_rows *answers = mem_zero(settle->other_count + 2, sizeof *answers);
    size_t count = settle_calls(settle, key, calls);
    calls[count++] = empty_call(key, lost, how ? how : &nothing);
    bool good = pg_exec_calls(pg, calls, count, answers, e);
    free(calls);
    free(answers);
    return good || err_add(e, "releasing what seat %d held", key->seat);
}

bool seat_open(struct pg *pg, struct seat_key *key, struct err *e)
{
    return seat_take(pg, key, e) && seat_empty(pg, key, NULL, (struct uuid){{0}}, NULL, e);
}

bool seat_before_commit(struct pg *pg, const struct seat_key *key, struct text *xid, struct err *e)
{
    struct pg_rows rows;
    if (!pg_exec(pg, &sql_before_commit, &rows, e, pg_uuid(key->worker), pg_int(key->seat), pg_int(key->epoch)))
        return false;
    text_reset(xid);
    text_puts(xid, pg_get_text(&rows, 0, 0));
    return true;
}

enum { XACT_LOOKS_MAX = 100 };

bool xact_committed(struct pg *pg, const char *xid, bool *committed, struct err *e)
{
    for (int look = 0; look < XACT_LOOKS_MAX; look++) {
        struct pg_rows rows;
        if (!pg_exec(pg, &sql_xact_status, &rows, e, pg_text(xid)))
            return false;
        const char *status = pg_get_text(&rows, 0, 0);
        *committed = strcmp(status, "committed") == 0;
        if (*committed || strcmp(status, "aborted") == 0)
            return true;
        if (strcmp(status, "in progress") != 0)
            return err_set(e, ERR_FAILED, "the server no longer knows what became of transaction %s", xid);
        poll(NULL, 0, 50); /* the old session's backend has not noticed yet; it was told to end */
    }
    return err_set(e, ERR_TRANSIENT, "transaction %s is still open", xid);
}
