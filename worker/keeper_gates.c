/* keeper_gates: limits over all workers. The rules stand in sql/migrations/0007_shares.sql: children hand slots over when they settle;
 * only keepers add any. A keeper looks where a notification told it to, at the rates when their next token is due, and once a
 * second everywhere. */
#include "worker/keeper_inside.h"

#include "sql/queries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ADMIT_CALLS_MAX = 20, /* of 500 gates each, before other duties have their turn */
    GATE_TEXT_MAX = 2100, /* "rate key " and a key of 500 characters */
    KEYS_UNLIMITED = 1000000000
};

static const usec_t gates_every = SECONDS(1);

void keeper_hear_gate(struct keeper *k, const char *gate)
{
    for (size_t i = 0; gate && i < k->gate_count; i++)
        if (strcmp(k->gates[i], gate) == 0)
            return;
    if (gate && k->gate_count < GATES_HEARD_MAX)
        k->gates[k->gate_count++] = region_strdup(k->gate_memory, gate);
    else
        k->gates_at = 0;
}

/* `after` NULL: only the gates that were heard of. */
static bool admit(struct keeper *k, const char *after, struct err *e)
{
    char next[GATE_TEXT_MAX];
    for (int calls = 0; calls < ADMIT_CALLS_MAX; calls++) {
        struct pg_rows rows;
        if (!pg_exec(k->pg, &sql_admit, &rows, e, pg_texts(k->gates, k->gate_count), pg_text(after)))
            return err_add(e, "letting tasks in");
        k->gate_count = 0;
        if (!pg_is_null(&rows, 0, 1)) {
            usec_t tokens_at = clock_boot() + pg_get_int(&rows, 0, 1);
            k->tokens_at = k->tokens_at && k->tokens_at < tokens_at ? k->tokens_at : tokens_at;
        }
        if (pg_is_null(&rows, 0, 0))
            return true;
        snprintf(next, sizeof next, "%s", pg_get_text(&rows, 0, 0));
        after = next;
    }
    k->gates_at = 0;
    return true;
}

bool keeper_admit(struct keeper *k, struct err *e)
{
    usec_t now = clock_boot();
    bool everywhere = now >= k->gates_at, tokens = k->tokens_at && now >= k->tokens_at;
    if (k->gate_count == 0 && !everywhere && !tokens)
        return true;
    if (everywhere)
        k->gates_at = now + gates_every + jitter(gates_every / 4);
    if (everywhere || tokens)
        k->tokens_at = 0;
    bool good = admit(k, everywhere ? "" : tokens ? "rate " : NULL, e);
    k->gate_count = 0; /* after an error the next connection looks everywhere */
    region_reset(k->gate_memory);
    return good;
}

/* The rules of one configuration as the arrays of a statement. */
struct rules {
    size_t count;
    const char **kinds, **names, **rates;
    int64_t *slots;
};

static void add_rule(struct rules *rules, const char *kind, const char *name, int64_t slots, const char *rate)
{
    size_t i = rules->count++;
    rules->kinds[i] = kind;
    rules->names[i] = name;
    rules->slots[i] = slots;
    rules->rates[i] = rate;
}

/* A worker that was started for one command says nothing about others' tasks. */
static bool is_private(const struct keeper *k)
{
    bool all = k->queue_count > 0;
    for (size_t i = 0; i < k->queue_count; i++)
        all = all && keeper_queue_is_private(k->queues[i]);
    return all;
}

static bool configure_queues(struct keeper *k, struct err *e)
{
    const struct config *config = k->config;
    size_t count = config->queue_count;
    const char **columns[4];
    for (size_t i = 0; i < 4; i++)
        columns[i] = region_alloc(k->gate_memory, (count + 1) * sizeof *columns[i]);
    for (size_t i = 0; i < count; i++) {
        const struct config_queue *queue = &config->queues[i];
        columns[0][i] = queue->name;
        columns[1][i] = queue->broker;
        columns[2][i] = queue->protocol;
        columns[3][i] = queue->rows;
    }
    return pg_exec(k->pg, &sql_configure_queues, NULL, e, pg_texts(columns[0], count), pg_texts(columns[1], count), pg_texts(columns[2], count),
                   pg_texts(columns[3], count));
}

bool keeper_configure(struct keeper *k, struct err *e)
{
    const struct config *config = k->config;
    size_t most = config->queue_count + 2 * config->handler_count;
    struct region *memory = k->gate_memory;
    struct rules rules = {
        .kinds = region_alloc(memory, most * sizeof *rules.kinds),
        .names = region_alloc(memory, most * sizeof *rules.names),
        .rates = region_alloc(memory, most * sizeof *rules.rates),
        .slots = region_alloc(memory, most * sizeof *rules.slots),
    };
    const char **handlers = region_alloc(memory, config->handler_count * sizeof *handlers);
    const char **limit_by = region_alloc(memory, config->handler_count * sizeof *limit_by);
    if (is_private(k))
        return true;
    if (!configure_queues(k, e))
        return false;
    for (size_t i = 0; i < config->queue_count; i++)
        add_rule(&rules, "queue", config->queues[i].name, config->queues[i].limit, config->queues[i].rate);
    for (size_t i = 0; i < config->handler_count; i++) {
        const struct config_handler *h = &config->handlers[i];
        add_rule(&rules, "handler", h->name, h->limit, h->rate);
        add_rule(&rules, "keys", h->name, !h->key.by ? 0 : h->key.limit ? h->key.limit : KEYS_UNLIMITED, h->key.rate);
        handlers[i] = h->name;
        limit_by[i] = h->key.by;
    }
    bool good = pg_exec(k->pg, &sql_configure_limits, NULL, e, pg_texts(rules.kinds, rules.count), pg_texts(rules.names, rules.count),
                        pg_ints(rules.slots, rules.count), pg_texts(rules.rates, rules.count), pg_texts(handlers, config->handler_count),
                        pg_texts(limit_by, config->handler_count));
    return good || err_add(e, "telling limits");
}
