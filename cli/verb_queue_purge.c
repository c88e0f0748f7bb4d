/* queue purge: end everything that waits in a queue. */
#include "cli/confirm.h"
#include "cli/session.h"
#include "cli/verb.h"
#include "common/broker/redis_queue.h"
#include "sql/queries.h"

#include <inttypes.h>
#include <stdio.h>

enum { BATCH = 20000 };

struct args {
    const char *queue;
    bool yes;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, queue, "QUEUE", .required = true, .help = "the queue"),
    SWITCH_FLAG(struct args, yes, "yes", .help = "do not ask"),
    {0},
};

static bool agreed(const struct args *args, int64_t waiting, struct err *e)
{
    struct text question CLEANUP(text_free) = {0}, refusal CLEANUP(text_free) = {0};
    text_printf(&question, "End %" PRId64 " waiting tasks of queue %s as KILLED?", waiting, args->queue);
    text_printf(&refusal, "%" PRId64 " tasks wait in %s and nobody confirmed that they end", waiting, args->queue);
    return confirm(args->yes || waiting == 0, text_str(&question), text_str(&refusal), e);
}

/* In batches, so that no transaction is long. */
static bool purge(struct pg *pg, const char *queue, int64_t *purged, struct err *e)
{
    struct pg_rows rows;
    int64_t batch;
    do {
        if (!pg_exec(pg, &sql_queue_purge, &rows, e, pg_text(queue), pg_int(BATCH)))
            return false;
        batch = pg_get_int(&rows, 0, 0);
        *purged += batch;
    } while (batch > 0);
    return true;
}

/* Of a queue in Redis alone there is nothing that could be retried: what waits is forgotten. */
static int purge_light(struct session *s, const struct args *args)
{
    CLEANUP(text_free) struct text question = {0}, refusal = {0};
    struct redis_queue_counts counts;
    struct err e;
    int64_t purged;
    struct redis *redis = session_redis(s, &e);
    if (!redis || !redis_queue_counts(redis, args->queue, &counts, &e))
        return verb_failed(&e);
    int64_t waiting = counts.ready + counts.delayed;
    text_printf(&question, "Forget %" PRId64 " waiting tasks of queue %s? They have no rows to retry.", waiting, args->queue);
    text_printf(&refusal, "%" PRId64 " tasks wait in %s and nobody confirmed that they are forgotten", waiting, args->queue);
    if (!confirm(args->yes || waiting == 0, text_str(&question), text_str(&refusal), &e) || !redis_queue_purge(redis, args->queue, &purged, &e))
        return verb_failed(&e);
    printf("%" PRId64 " task%s of queue %s forgotten\n", purged, purged == 1 ? "" : "s", args->queue);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct pg_rows rows;
    struct err e;
    int64_t purged = 0;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_open(&s, &e))
        return verb_failed(&e);
    if (config_queue_is_light(config_queue(s.config, args.queue)))
        return purge_light(&s, &args);
    if (!pg_exec(s.pg, &sql_queue_waiting, &rows, &e, pg_text(args.queue)))
        return verb_failed(&e);
    int64_t waiting = pg_get_int(&rows, 0, 0);
    if (!agreed(&args, waiting, &e))
        return verb_failed(&e);
    if (!purge(s.pg, args.queue, &purged, &e))
        return verb_failed(&e);
    printf("%" PRId64 " task%s of queue %s ended as KILLED\n", purged, purged == 1 ? "" : "s", args.queue);
    return EXIT_DONE;
}

const struct verb verb_queue_purge = {
    .name = "queue purge",
    .summary = "end everything that waits in a queue as KILLED",
    .details = "Shows how many tasks wait and asks; what runs goes on. Ended tasks can be retried one by one; those of a "
               "queue in Redis alone (rows: failures) are forgotten.",
    .example = "drumbeat queue purge imports --yes",
    .flags = flags,
    .run = run,
};
