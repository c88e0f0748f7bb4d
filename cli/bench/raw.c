/* raw: the same claims and settlements by as many clients as the worker has children, and nothing else: no handler, no keeper, no
 * wake-up. What the worker reaches is to be held against it. */
#include "cli/bench/bench.h"
#include "common/broker/broker.h"
#include "sql/queries.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PRIORITY_DEFAULT = 5, CLIENTS_MAX = 64 };

struct raw {
    struct bench_queue queue;
    struct lanes *lanes; /* shared by the clients */
    struct uuid worker;
    const char *url;
};

static bool open_worker(struct raw *raw, struct err *e)
{
    struct bench *b = raw->queue.bench;
    static const char *const none[1];
    const char *queue = raw->queue.worker.queue;
    return pg_exec(b->session->pg, &sql_worker_open, NULL, e, pg_uuid(raw->worker), pg_text("bench"), pg_int(getpid()), pg_text(DRUMBEAT_VERSION),
                   pg_texts(&queue, 1), pg_int(b->pool), pg_texts(none, 0), pg_texts(none, 0), pg_ints(NULL, 0), pg_ints(NULL, 0), pg_texts(none, 0),
                   pg_duration(MINUTES(10)), pg_text("bench"), pg_int(0));
}

/* Everything of a claim is a plain success. */
static void settle_all(struct settlement *s, const struct claims *claims)
{
    usec_t now = clock_now();
    *s = (struct settlement){.fence = claims->count > 0 ? claims->fence : 0, .count = claims->count, .plain = claims->count};
    for (size_t i = 0; i < claims->count; i++) {
        s->started[claims->task[i].place - 1] = now;
        s->ended[claims->task[i].place - 1] = now;
    }
}

/* Until nothing is left to claim. */
static bool drain(struct broker *broker, struct err *e)
{
    static struct claims claims;
    static struct settlement settle;
    do {
        if (!broker_turn(broker, &settle, CLAIM_MAX, &claims, e))
            return false;
        settle_all(&settle, &claims);
    } while (claims.count > 0);
    return true;
}

static bool client(const struct raw *raw, int seat, struct err *e)
{
    char application[SEAT_APPLICATION_MAX];
    static const char *const names[] = {"noop"};
    const struct session *session = raw->queue.bench->session;
    struct pg_options options = {.url = raw->url, .application = seat_application(raw->worker, seat, application),
                                 .pooled = session->config->database.listen_url != NULL};
    CLEANUP(pg_closep) struct pg *pg = pg_open(&options, e);
    struct seat_key key = {.worker = raw->worker, .seat = seat, .pid = getpid()};
    if (!pg || !seat_open(pg, &key, e))
        return false;
    struct broker_options with = {.pg = pg, .key = &key, .lanes = raw->lanes, .names = names, .name_count = 1};
    struct broker *broker = broker_open(&broker_postgres, &with);
    bool good = drain(broker, e);
    broker_close(broker);
    return good;
}

static bool run_clients(const struct raw *raw, struct err *e)
{
    pid_t clients[CLIENTS_MAX];
    int count = raw->queue.bench->pool < CLIENTS_MAX ? raw->queue.bench->pool : CLIENTS_MAX, status;
    bool good = true;
    for (int seat = 0; seat < count; seat++) {
        clients[seat] = fork();
        if (clients[seat] == 0)
            _exit(client(raw, seat, e) ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    for (int seat = 0; seat < count; seat++)
        good = waitpid(clients[seat], &status, 0) == clients[seat] && status == 0 && good;
    return good || err_set(e, ERR_FAILED, "bench: a client of the raw measurement failed");
}

/* From the first claim to the last settlement, as the rows tell. */
static bool read_result(struct raw *raw, struct err *e)
{
    struct bench *b = raw->queue.bench;
    struct pg_rows rows;
    if (!pg_exec(b->session->pg, &sql_bench_result, &rows, e, pg_text(raw->queue.worker.queue)))
        return false;
    usec_t passed = pg_get_time(&rows, 0, 4) - pg_get_time(&rows, 0, 3);
    b->raw_per_s = (double)pg_get_int(&rows, 0, 1) * 1e6 / (double)(passed > 0 ? passed : 1);
    return pg_get_int(&rows, 0, 1) == b->tasks || err_set(e, ERR_FAILED, "bench: the raw measurement left tasks behind");
}

static bool measure(struct raw *raw, struct err *e)
{
    struct bench *b = raw->queue.bench;
    struct err ignored;
    raw->url = session_url(b->session, e);
    if (!raw->url || !bench_fill(&raw->queue, b->tasks, e) || !open_worker(raw, e))
        return false;
    lanes_add(raw->lanes, raw->queue.worker.queue, PRIORITY_DEFAULT, 0, 0);
    bool good = run_clients(raw, e) && read_result(raw, e);
    pg_exec(b->session->pg, &sql_worker_close, NULL, &ignored, pg_uuid(raw->worker));
    return good;
}

bool bench_raw(struct bench *b, struct err *e)
{
    struct raw raw = {.worker = uuid_v7()};
    raw.lanes = mmap(NULL, sizeof *raw.lanes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (raw.lanes == MAP_FAILED)
        return err_set(e, ERR_FAILED, "bench: no memory to share");
    bench_open(&raw.queue, b);
    bool good = measure(&raw, e);
    bench_close(&raw.queue);
    munmap(raw.lanes, sizeof *raw.lanes);
    return good;
}
