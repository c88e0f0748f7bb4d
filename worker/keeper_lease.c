/* keeper_lease: this worker's row, its heartbeat, and taking over from workers that are gone.
 *
 * The lease is of the worker: one row, renewed by one statement. It is renewed only while the supervisor turns its loop, and the
 * moment the supervisor counts from is the one before the statement was sent. */
#include "worker/keeper_inside.h"
#include "worker/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const usec_t unknown_report_every = MINUTES(1);

/* Which boot, and which pid namespace: only inside it do pids mean the same. */
static void read_boot(char *out, size_t size)
{
    char boot[48] = "unknown", space[48] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, boot, 36);
    if (fd >= 0)
        close(fd);
    boot[got > 0 ? got : 0] = '\0';
    got = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[got > 0 ? got : 0] = '\0';
    snprintf(out, size, "%.36s %.20s", boot, space);
}

/* While others may still believe in the longer of two leases, only the shorter counts here: so a shorter one begins with a heartbeat. */
static bool shorten_lease(struct keeper *k, struct err *e)
{
    usec_t asked_at = clock_boot();
    if (k->config->worker.lease >= k->board->lease)
        return true;
    if (!pg_exec(k->pg, &sql_worker_renew, NULL, e, pg_uuid(k->board->worker), pg_bool(atomic_load(&k->board->phase) != PHASE_RUN),
                 pg_int(k->board->pool)))
        return false;
    atomic_store(&k->board->renewed_at, asked_at);
    atomic_store(&k->board->lease, k->config->worker.lease);
    return true;
}

/* Somebody has taken the worker's row away, and all that it held with it. */
static void note_lost(struct keeper *k)
{
    log_error("keeper.lease_lost", LOG_UUID("worker", k->board->worker));
    atomic_fetch_add(&k->board->lives, 1);
}

bool keeper_register(struct keeper *k, struct err *e)
{
    struct pg_rows rows;
    char host[256] = "unknown";
    size_t count = k->catalog->count;
    const char **queues = mem_zero(count, sizeof *queues), **unique_by = mem_zero(count, sizeof *unique_by);
    int64_t *attempts = mem_zero(count, sizeof *attempts), *deaths = mem_zero(count, sizeof *deaths);
    for (size_t i = 0; i < count; i++) {
        queues[i] = k->catalog->entries[i].queue;
        attempts[i] = k->catalog->entries[i].max_attempts;
        deaths[i] = k->catalog->entries[i].max_deaths;
        unique_by[i] = k->catalog->entries[i].handler->unique_by;
    }
    gethostname(host, sizeof host - 1);
    read_boot(k->boot, sizeof k->boot);
    int supervisor = atomic_load(&k->board->supervisor_pid);
    usec_t asked_at = clock_boot();
    bool good = shorten_lease(k, e) &&
                pg_exec(k->pg, &sql_worker_open, &rows, e, pg_uuid(k->board->worker), pg_text(host), pg_int(supervisor), pg_text(DRUMBEAT_VERSION),
                        pg_texts(k->queues, k->queue_count), pg_int(k->board->pool), pg_texts(k->catalog->names, count), pg_texts(queues, count),
                        pg_ints(attempts, count), pg_ints(deaths, count), pg_texts(unique_by, count),
                        pg_duration(k->config->worker.lease), pg_text(k->boot), pg_int(proc_start(supervisor)));
    free(queues);
    free(unique_by);
    free(attempts);
    free(deaths);
    if (good && pg_get_bool(&rows, 0, 0) && atomic_load(&k->board->registered))
        note_lost(k);
    if (!good || !keeper_configure(k, e))
        return err_add(e, "registering the worker");
    k->waiting = true;
    k->waiting_xid = 0;
    atomic_store(&k->board->renewed_at, asked_at);
    atomic_store(&k->board->lease, k->config->worker.lease);
    k->renew_at = asked_at + k->board->lease / 3;
    if (!atomic_load(&k->board->registered)) {
        log_info("worker.registered", LOG_UUID("worker", k->board->worker));
        word_wake(&k->board->registered);
    }
    return true;
}

/* A supervisor that hangs must lose its tasks: nobody else would enforce their limits. */
static bool supervisor_turns(const struct keeper *k)
{
    return clock_boot() - atomic_load(&k->board->supervisor_at) < k->board->lease / 2;
}

bool keeper_renew(struct keeper *k, struct err *e)
{
    struct pg_rows rows;
    usec_t asked_at = clock_boot();
    k->renew_at = asked_at + k->board->lease / 3;
    if (!supervisor_turns(k)) {
        log_error("keeper.supervisor_hangs");
        return true;
    }
    if (!pg_exec(k->pg, &sql_worker_renew, &rows, e, pg_uuid(k->board->worker), pg_bool(atomic_load(&k->board->phase) != PHASE_RUN),
                 pg_int(k->board->pool)))
        return err_add(e, "renewing the lease");
    if (!pg_get_bool(&rows, 0, 0))
        return keeper_register(k, e);
    atomic_store(&k->board->renewed_at, asked_at);
    return true;
}

/* Workers of this host whose process is gone need not be waited for: noted here, rescued in the next round. */
static void note_dead(struct keeper *k, const struct pg_rows *neighbours)
{
    k->dead_count = 0;
    for (size_t i = 0; i < neighbours->count && k->dead_count < NEIGHBOURS_MAX; i++)
        if (proc_start((pid_t)pg_get_int(neighbours, i, 1)) != pg_get_int(neighbours, i, 2))
            k->dead[k->dead_count++] = pg_get_uuid(neighbours, i, 0);
}

/* Names that wait although no worker has a handler for them: said once a minute, not silently. */
static bool report_unknown(struct keeper *k, struct err *e)
{
    struct pg_rows rows;
    if (clock_boot() < k->unknown_reported_at + unknown_report_every)
        return true;
    k->unknown_reported_at = clock_boot();
    if (!pg_exec(k->pg, &sql_unknown_names, &rows, e))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        log_warning("queue.no_worker_for_name", LOG_STR("name", pg_get_text(&rows, i, 0)));
    return true;
}

bool keeper_rescue(struct keeper *k, struct err *e)
{
    enum { RESCUE, CANCELS, SWEEP, SLOTS, NEIGHBOURS, CALLS };
    const struct pg_call calls[CALLS] = {
        [RESCUE] = {.query = &sql_rescue, .args = {pg_uuids(k->dead, k->dead_count)}},
        [CANCELS] = {.query = &sql_cancels, .args = {pg_uuid(k->board->worker)}},
        [SWEEP] = {.query = &sql_sweep_cancels},
        [SLOTS] = {.query = &sql_sweep_slots},
        [NEIGHBOURS] = {.query = &sql_worker_neighbours, .args = {pg_text(k->boot), pg_uuid(k->board->worker)}},
    };
    struct pg_rows answers[CALLS];
    if (!pg_exec_calls(k->pg, calls, CALLS, answers, e))
        return err_add(e, "rescue");
    tally_event(&k->board->tally, TALLY_RESCUED_WORKER, pg_get_int(&answers[RESCUE], 0, 0));
    if (pg_get_int(&answers[RESCUE], 0, 0) > 0)
        log_warning("keeper.rescued", LOG_INT("tasks", pg_get_int(&answers[RESCUE], 0, 0)));
    if (pg_get_int(&answers[SLOTS], 0, 0) > 0)
        log_warning("keeper.slots_given_on", LOG_INT("tasks", pg_get_int(&answers[SLOTS], 0, 0)));
    for (size_t i = 0; i < answers[CANCELS].count; i++)
        board_stop_task(k->board, pg_get_uuid(&answers[CANCELS], i, 0));
    note_dead(k, &answers[NEIGHBOURS]);
    return report_unknown(k, e);
}
