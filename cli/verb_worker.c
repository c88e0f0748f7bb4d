/* worker: run tasks in a pool of child processes. The hidden verb beside it is the process the children come from. */
#include "cli/session.h"
#include "cli/verb.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>

struct args {
    const char *queues;
    int64_t pool;
    bool burst;
};

static const struct flag flags[] = {
    TEXT_FLAG(struct args, queues, "queues", .value = "A,B", .help = "claim from these queues only (worker.queues)"),
    NUMBER_FLAG(struct args, pool, "pool", .value = "N", .min = 1, .max = CONFIG_POOL_MAX, .help = "how many children (worker.pool)"),
    SWITCH_FLAG(struct args, burst, "burst", .help = "end when nothing is left to claim and all children are idle"),
    {0},
};

/* Both processes read the same flags into the same configuration. */
static bool read_config(int argc, char **argv, struct args *args, struct session *s, struct err *e)
{
    char pool[24];
    struct config_flag more[3] = {{0}};
    size_t count = 0;
    if (!flags_read(flags, argc, argv, args, e))
        return false;
    snprintf(pool, sizeof pool, "%d", (int)args->pool);
    if (args->queues)
        more[count++] = (struct config_flag){"worker.queues", args->queues};
    if (args->pool)
        more[count++] = (struct config_flag){"worker.pool", pool};
    if (!session_config(s, more, e))
        return false;
    const char *url = session_url(s, e);
    if (!url)
        return false;
    s->config->database.url = url;
    return true;
}

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!read_config(argc, argv, &args, &s, &e))
        return verb_failed(&e);
    setenv("DATABASE_URL", s.config->database.url, 1); /* for the fork server: an environment is private, arguments are not */
    return worker_main(&(struct worker_options){.config = s.config, .burst = args.burst, .flags = (const char *const *)argv + 1});
}

static int run_fork_server(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!read_config(argc, argv, &args, &s, &e))
        return fork_server_refuse(&e);
    return fork_server_main(s.config);
}

const struct verb verb_worker = {
    .name = "worker",
    .summary = "run tasks in a pool of child processes",
    .details = "SIGTERM lets running tasks finish (worker.drain at most), SIGQUIT returns them to the queue at once. SIGHUP reads the\n"
               "configuration again: new children take the places of the old as their tasks end. A file that is wrong is refused\n"
               "with its place, in the log, and changes nothing. The database's address is read at the start only.",
    .example = "drumbeat worker --queues default,sync --pool 8\ndrumbeat worker --burst",
    .flags = flags,
    .run = run,
};

const struct verb verb_fork_server = {
    .name = "fork-server",
    .summary = "the process that a worker's children come from",
    .example = "drumbeat worker",
    .flags = flags,
    .hidden = true,
    .run = run_fork_server,
};
