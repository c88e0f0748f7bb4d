/* worker: run tasks in a pool of child processes. The hidden verb beside it is the process the children come from. */
#include "cli/session.h"
#include "cli/verb.h"
#include "common/base/text.h"
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

/* What the options of the configuration are set to by flags. */
struct overrides {
    char pool[24];
    struct config_flag flags[3];
};

static void read_overrides(const struct args *args, struct overrides *out)
{
    size_t count = 0;
    *out = (struct overrides){0};
    snprintf(out->pool, sizeof out->pool, "%d", (int)args->pool);
    if (args->queues)
        out->flags[count++] = (struct config_flag){"worker.queues", args->queues};
    if (args->pool)
        out->flags[count] = (struct config_flag){"worker.pool", out->pool};
}

/* Both processes read the same flags into the same configuration. */
static bool read_config(int argc, char **argv, struct args *args, struct session *s, struct err *e)
{
    struct overrides overrides;
    if (!flags_read(flags, argc, argv, args, e))
        return false;
    read_overrides(args, &overrides);
    return session_config(s, overrides.flags, e);
}

/* The worker as it was started. */
static struct {
    struct args args;
    const char *url; /* which it uses, wherever it is from */
    const char *environment_url;
    const struct config *config;
} start;

/* For the fork server: an environment is private, arguments are not. */
static void set_environment(const char *url)
{
    if (url)
        setenv("DATABASE_URL", url, 1);
    else
        unsetenv("DATABASE_URL");
}

/* The new configuration holds. Read it as it was read at the start, and say what of it does not. */
static void tell_fixed(void)
{
    struct err e;
    struct overrides overrides;
    read_overrides(&start.args, &overrides);
    set_environment(start.environment_url);
    CLEANUP(config_freep) struct config *now = session_reread(overrides.flags, &e);
    set_environment(start.url);
    if (now)
        session_tell_fixed(start.config, now, true);
}

static int run(int argc, char **argv)
{
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!read_config(argc, argv, &start.args, &s, &e))
        return verb_failed(&e);
    start.url = session_url(&s, &e);
    if (!start.url)
        return verb_failed(&e);
    start.config = s.config;
    start.environment_url = getenv("DATABASE_URL") ? mem_strdup(getenv("DATABASE_URL")) : NULL;
    set_environment(start.url);
    return worker_main(&(struct worker_options){.config = s.config, .burst = start.args.burst, .flags = (const char *const *)argv + 1, .reloaded = tell_fixed});
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
