/* up: the verb that runs everything on one machine. */
#include "cli/up/up.h"

#include "cli/terminal.h"
#include "cli/verb.h"
#include "common/base/hangup.h"

#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const struct flag flags[] = {
    SWITCH_FLAG(struct up_args, once, "once", .help = "end when one round of syncs is done: 0 when all of it succeeded"),
    TEXT_FLAG(struct up_args, state, "state", .value = "FOLDER",
              .help = "where the private Postgres lives [/var/lib/drumbeat for root, else ~/.local/state/drumbeat]"),
    TEXT_FLAG(struct up_args, pool, "pool", .value = "N", .help = "how many tasks run at once [worker.pool]"),
    TEXT_FLAG(struct up_args, scale, "scale", .value = "small|full", .help = "how much the sandbox has to sync [small]"),
    TEXT_FLAG(struct up_args, seed, "seed", .value = "N", .help = "what the sandbox's data are made from [1]"),
    {0},
};

/* From here on signals wait in a descriptor; programs that are started get their defaults back. */
static int open_signals(struct err *e)
{
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGHUP);
    hangup_watch();
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    int fd = signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        err_set(e, ERR_FAILED, "signals cannot be awaited");
    return fd;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void up_stop(struct up *up)
{
    pg_close(up->session.pg); /* or Postgres would have to end it */
    up->session.pg = NULL;
    if (up->services.count > 0 && terminal_is(stdout))
        puts("stopping: what runs may finish; Ctrl-C again stops it at once");
    services_stop(&up->services, up->signals);
    struct err ignored;
    if (up->lock >= 0)
        sandbox_publish(up->state, NULL, &ignored);
}

static void up_close(struct up *up)
{
    cluster_free(up->cluster);
    session_close(&up->session);
    region_free(up->memory);
    close_fd(up->log);
    close_fd(up->signals);
    close_fd(up->lock);
}

static int run(int argc, char **argv)
{
    struct up_args args = {0};
    struct up up = {.args = &args, .lock = -1, .log = -1, .signals = -1, .memory = region_new()};
    struct err e = {0};
    bool good = flags_read(flags, argc, argv, &args, &e) && session_config(&up.session, NULL, &e) &&
                (up.signals = open_signals(&e)) >= 0 && up_start(&up, &e) && up_watch(&up, &e);
    up_stop(&up);
    int status = good ? EXIT_DONE : verb_failed(&e); /* the last line, below what stopping had to say */
    up_close(&up);
    return status;
}

const struct verb verb_up = {
    .name = "up",
    .summary = "run everything on this machine: Postgres, stand-in upstreams, beat and a worker",
    .flags = flags,
    .example = "drumbeat up\n"
               "drumbeat up --once --scale full\n"
               "DATABASE_URL=postgresql:///registry drumbeat up --pool 8",
    .details = "Without a configured database a private Postgres is made and kept in the state folder; it is reached through a "
               "unix socket only. Without upstreams.pmp.url the sandbox stands in. On an empty registry the first round of syncs "
               "is enqueued: every sync of the default configuration whose upstream there is, once. Ctrl-C stops everything in order, Ctrl-C again faster. SIGHUP has worker and\n"
               "beat read their configuration again, unless something is wrong with it: then the log says what, and where.",
    .run = run,
};
