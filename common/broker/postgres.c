/* broker/postgres: ready and running tables in the same database, so that settling and claiming are one transaction and one round
 * trip. */
#include "common/broker/driver.h"
#include "sql/queries.h"

#include <stdlib.h>

/* The lanes of one claim as the arrays of its statement. */
struct order {
    struct lane_picks picks;
    const char *queues[LANE_PICKS_MAX];
    int64_t priorities[LANE_PICKS_MAX], flows[LANE_PICKS_MAX], cursors[LANE_PICKS_MAX], quotas[LANE_PICKS_MAX];
};

static void order_lanes(struct broker *b, size_t wanted, struct order *order)
{
    lanes_pick(b->options.lanes, wanted, clock_boot(), b->turn++, &order->picks);
    for (size_t i = 0; i < order->picks.count; i++) {
        const struct lane_pick *pick = &order->picks.pick[i];
        order->queues[i] = pick->group->queue;
        order->priorities[i] = pick->group->priority;
        order->flows[i] = pick->lane->flow;
        order->cursors[i] = pick->cursor;
        order->quotas[i] = (int64_t)pick->quota;
    }
}

static struct pg_call claim_call(const struct broker *b, const struct order *order, size_t wanted)
{
    const struct seat_key *key = b->options.key;
    size_t count = order->picks.count;
    return (struct pg_call){
        .query = &sql_claim,
        .args = {pg_uuid(key->worker), pg_int(key->seat), pg_int(key->epoch), pg_int(key->pid), pg_texts(order->queues, count),
                 pg_ints(order->priorities, count), pg_ints(order->flows, count), pg_ints(order->cursors, count), pg_ints(order->quotas, count),
                 pg_texts(b->options.names, b->options.name_count), pg_int((int64_t)wanted), {.type = PG_END}},
    };
}

static const char *copy(struct broker *b, const struct pg_rows *rows, size_t row, size_t column)
{
    return pg_is_null(rows, row, column) ? NULL : region_strndup(b->region, pg_get_text(rows, row, column), pg_get_length(rows, row, column));
}

/* Columns as sql/queries/worker/claim.sql lists them. */
enum { C_ID, C_FENCE, C_LANE, C_PLACE, C_SEQ, C_ATTEMPT, C_ALLOWED, C_NAME, C_ARGS, C_HAS_TIES, C_EXPIRED, C_TENANT, C_READY_AT, C_TICK_AT, C_LIMITS, C_SUSPECT, C_LAST };

static struct claimed read_claimed(struct broker *b, const struct pg_rows *rows, size_t row, const char *queue)
{
    return (struct claimed){
        .id = pg_get_uuid(rows, row, C_ID),
        .place = (int)pg_get_int(rows, row, C_PLACE),
        .attempt = (int)pg_get_int(rows, row, C_ATTEMPT),
        .allowed = (int)pg_get_int(rows, row, C_ALLOWED),
        .queue = queue,
        .name = copy(b, rows, row, C_NAME),
        .args = copy(b, rows, row, C_ARGS),
        .tenant = copy(b, rows, row, C_TENANT),
        .has_ties = pg_get_bool(rows, row, C_HAS_TIES),
        .expired = pg_get_bool(rows, row, C_EXPIRED),
        .ready_at = pg_get_time(rows, row, C_READY_AT),
        .tick_at = pg_get_time(rows, row, C_TICK_AT),
        .limits = copy(b, rows, row, C_LIMITS),
        .suspect = pg_get_bool(rows, row, C_SUSPECT),
    };
}

static void read_claims(struct broker *b, const struct pg_rows *rows, const struct order *order, struct claims *out)
{
    const char *queue = NULL;
    int64_t last = 0;
    region_reset(b->region);
    out->count = rows->count;
    for (size_t i = 0; i < rows->count; i++) {
        int64_t lane = pg_get_int(rows, i, C_LANE);
        if (lane != last)
            queue = region_strdup(b->region, order->queues[lane - 1]);
        last = lane;
        out->task[i] = read_claimed(b, rows, i, queue);
    }
    if (rows->count > 0)
        out->fence = pg_get_int(rows, 0, C_FENCE);
}

/* Tell the lanes what came of asking them. The statement stops when it has `wanted`: lanes behind that were not asked. */
static void tell_lanes(struct broker *b, const struct pg_rows *rows, const struct order *order, size_t wanted)
{
    usec_t now = clock_boot();
    size_t row = 0;
    for (size_t i = 0; i < order->picks.count && row < wanted; i++) {
        const struct lane_pick *pick = &order->picks.pick[i];
        size_t asked = wanted - row < pick->quota ? wanted - row : pick->quota, taken = 0;
        int64_t highest = 0;
        bool last = false;
        for (; row < rows->count && pg_get_int(rows, row, C_LANE) == (int64_t)i + 1; row++, taken++) {
            highest = pg_get_int(rows, row, C_SEQ);
            last = pg_get_bool(rows, row, C_LAST);
        }
        lane_took(b->options.lanes, pick, taken, taken < asked || last, highest, now);
    }
}

/* Settling may make other tasks ready (a slot is handed over), which this very claim takes: bells wait until it did. */
static bool turn(struct broker *b, const struct settlement *settle, size_t wanted, struct claims *out, struct err *e)
{
    struct order order;
    size_t calls = 0, claim;
    order.picks.count = 0;
    if (wanted > CLAIM_MAX)
        wanted = CLAIM_MAX;
    if (wanted > 0)
        order_lanes(b, wanted, &order);
    bool claims = order.picks.count > 0, bells = claims && settle->fence && settle->has_ties;
    if (bells)
        b->calls[calls++] = (struct pg_call){.query = &sql_hold_bells};
    if (settle->fence)
        calls += settle_calls(settle, b->options.key, b->calls + calls);
    claim = calls;
    if (claims)
        b->calls[calls++] = claim_call(b, &order, wanted);
    if (calls == 0)
        return true;
    if (!pg_exec_calls(b->options.pg, b->calls, calls, b->answers, e))
        return false;
    if (claims) {
        read_claims(b, &b->answers[claim], &order, out);
        tell_lanes(b, &b->answers[claim], &order, wanted);
        out->last = !lanes_open(b->options.lanes);
    }
    return true;
}

static bool give_back(struct broker *b, int *count, struct err *e)
{
    return seat_release(b->options.pg, b->options.key, count, e);
}

static bool keep_one(struct broker *b, int64_t fence, int place, usec_t started_at, struct err *e)
{
    const struct seat_key *key = b->options.key;
    return pg_exec(b->options.pg, &sql_split_claim, NULL, e, pg_uuid(key->worker), pg_int(key->seat), pg_int(key->epoch), pg_int(fence), pg_int(place),
                   pg_int(started_at));
}

const struct broker_driver broker_postgres = {.name = "postgres", .transactional = true, .fenced_claims = true, .by_name = true, .tenants = true, .turn = turn,
                                              .give_back = give_back, .keep_one = keep_one};
