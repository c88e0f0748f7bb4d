/* broker/postgres: ready and running tables in the same database, so that settling and claiming are one transaction and one round
 * trip. */
#include "common/broker/driver.h"
#include "sql/queries.h"

#include <stdlib.h>

/* The lanes in the order in which they are claimed from: by priority, and among equals each queue gets its turn to be first. */
struct order {
    size_t count;
    struct lane *lane[LANES_MAX];
    const char *queues[LANES_MAX];
    int64_t priorities[LANES_MAX], cursors[LANES_MAX];
};

static void add_lane(struct order *order, struct lane *lane)
{
    size_t place = order->count++;
    for (; place > 0 && order->lane[place - 1]->priority > lane->priority; place--)
        order->lane[place] = order->lane[place - 1];
    order->lane[place] = lane;
}

static void order_lanes(struct broker *b, struct order *order)
{
    uint32_t count = atomic_load(&b->options.lanes->count);
    uint32_t first = count ? b->turn++ % count : 0;
    order->count = 0;
    for (uint32_t i = 0; i < count; i++)
        add_lane(order, &b->options.lanes->lane[(first + i) % count]);
    for (size_t i = 0; i < order->count; i++) {
        order->queues[i] = order->lane[i]->queue;
        order->priorities[i] = order->lane[i]->priority;
        order->cursors[i] = atomic_load(&order->lane[i]->cursor);
    }
}

static struct pg_call claim_call(const struct broker *b, const struct order *order, size_t wanted)
{
    const struct seat_key *key = b->options.key;
    return (struct pg_call){
        .query = &sql_claim,
        .args = {pg_uuid(key->worker), pg_int(key->seat), pg_int(key->epoch), pg_int(key->pid), pg_texts(order->queues, order->count),
                 pg_ints(order->priorities, order->count), pg_ints(order->cursors, order->count),
                 pg_texts(b->options.names, b->options.name_count), pg_int((int64_t)wanted), {.type = PG_END}},
    };
}

static const char *copy(struct broker *b, const struct pg_rows *rows, size_t row, size_t column)
{
    return pg_is_null(rows, row, column) ? NULL : region_strndup(b->region, pg_get_text(rows, row, column), pg_get_length(rows, row, column));
}

/* Columns as sql/queries/worker/claim.sql lists them. */
enum { C_ID, C_FENCE, C_LANE, C_PLACE, C_SEQ, C_ATTEMPT, C_ALLOWED, C_NAME, C_ARGS, C_HAS_UNIQUE, C_EXPIRED, C_TENANT, C_CREATED_AT, C_TICK_AT, C_LIMITS };

static void read_claims(struct broker *b, const struct pg_rows *rows, const struct order *order, struct claims *out)
{
    region_reset(b->region);
    out->count = rows->count;
    for (size_t i = 0; i < rows->count; i++) {
        out->task[i] = (struct claimed){
            .id = pg_get_uuid(rows, i, C_ID),
            .place = (int)pg_get_int(rows, i, C_PLACE),
            .attempt = (int)pg_get_int(rows, i, C_ATTEMPT),
            .allowed = (int)pg_get_int(rows, i, C_ALLOWED),
            .name = copy(b, rows, i, C_NAME),
            .args = copy(b, rows, i, C_ARGS),
            .tenant = copy(b, rows, i, C_TENANT),
            .limits = copy(b, rows, i, C_LIMITS),
            .has_unique = pg_get_bool(rows, i, C_HAS_UNIQUE),
            .expired = pg_get_bool(rows, i, C_EXPIRED),
            .created_at = pg_get_time(rows, i, C_CREATED_AT),
            .tick_at = pg_get_time(rows, i, C_TICK_AT),
        };
        size_t lane = (size_t)pg_get_int(rows, i, C_LANE) - 1;
        bool last_of_lane = i + 1 == rows->count || pg_get_int(rows, i + 1, C_LANE) != (int64_t)lane + 1;
        if (last_of_lane)
            lane_advance(order->lane[lane], order->cursors[lane], pg_get_int(rows, i, C_SEQ));
    }
    if (rows->count > 0)
        out->fence = pg_get_int(rows, 0, C_FENCE);
}

static bool turn(struct broker *b, const struct settlement *settle, size_t wanted, struct claims *out, struct err *e)
{
    struct order order;
    size_t settles = settle->fence ? settle_calls(settle, b->options.key, b->calls) : 0;
    size_t calls = settles;
    if (wanted > 0) {
        order_lanes(b, &order);
        if (order.count > 0)
            b->calls[calls++] = claim_call(b, &order, wanted < CLAIM_MAX ? wanted : CLAIM_MAX);
    }
    if (calls == 0)
        return true;
    if (!pg_exec_calls(b->options.pg, b->calls, calls, b->answers, e))
        return false;
    if (calls > settles)
        read_claims(b, &b->answers[settles], &order, out);
    return true;
}

const struct broker_driver broker_postgres = {.name = "postgres", .transactional = true, .turn = turn};
