/* start: bring up the parts of `drumbeat up` in the order in which they need each other. */
#include "cli/up/state.h"
#include "cli/up/up.h"
#include "cli/verb.h"
#include "common/base/hangup.h"
#include "common/base/log.h"
#include "common/store/migrate.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { FALSE_STARTS_MAX = 3 };

#define RECOVERY_LIMIT MINUTES(10) /* a server that replays its log after a crash takes no connections */
#define FOREIGN_LIMIT SECONDS(10)  /* the public contract: commands that stay running try so long at the start */
#define SANDBOX_LIMIT SECONDS(20)  /* it makes its data first */
#define LOOK_AGAIN MSEC(10)
#define PRESS_LATER SECONDS(10) /* beyond the time the worker gives its tasks */

bool up_stop_asked(struct up *up, usec_t deadline)
{
    struct pollfd incoming = {.fd = up->signals, .events = POLLIN};
    struct signalfd_siginfo info;
    usec_t left = deadline - clock_boot();
    int wait = left > 0 ? (int)(left / 1000) + 1 : 0;
    while (poll(&incoming, 1, wait) > 0 && read(up->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP && !hangup_is_end())
            up->reload_asked = true;
        else if (info.ssi_signo != SIGCHLD)
            return true;
        wait = 0;
    }
    return false;
}

const char *up_log_name(const struct up *up)
{
    return up->log_path ? up->log_path : "the lines above";
}

static bool cancelled(struct err *e)
{
    return err_set(e, ERR_CANCELLED, "stopped before everything was up");
}

static bool find_self(struct up *up, struct err *e)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return err_errno(e, ERR_FAILED, errno, "/proc/self/exe");
    path[length] = '\0';
    up->self = region_strdup(up->memory, path);
    *strrchr(path, '/') = '\0';
    up->folder = region_strdup(up->memory, path);
    return true;
}

/* On a terminal the others' log lines would run through the display. */
static bool open_log(struct up *up, struct err *e)
{
    if (!isatty(STDERR_FILENO))
        return true;
    up->log_path = region_printf(up->memory, "%s/drumbeat.log", up->state);
    log_set_level(LOG_WARNING);
    return state_open_log(up->state, "drumbeat.log", &up->log, e);
}

static bool take_state(struct up *up, struct err *e)
{
    CLEANUP(text_free) struct text folder = {0};
    char absolute[PATH_MAX];
    if (up->args->state)
        text_puts(&folder, up->args->state);
    else if (!state_default_folder(&folder, e))
        return false;
    /* Started as root, the server is another user, who must be able to reach its data. */
    if (!state_make_folder(text_str(&folder), geteuid() == 0 ? 0755 : 0700, e))
        return false;
    if (!realpath(text_str(&folder), absolute))
        return err_errno(e, ERR_REFUSED, errno, "folder %s", text_str(&folder));
    up->state = region_strdup(up->memory, absolute);
    return state_lock(up->state, &up->lock, e) && open_log(up, e);
}

/* Large results have a place to go, also where nobody configured one. */
static bool make_results(struct up *up, struct err *e)
{
    CLEANUP(text_free) struct text folder = {0};
    if (up->session.config->results.root)
        return true;
    state_results(up->state, &folder);
    up->results = region_printf(up->memory, "DRUMBEAT_RESULTS_ROOT=%s", text_str(&folder));
    return state_make_folder(text_str(&folder), geteuid() == 0 ? 0755 : 0700, e);
}

static bool start_cluster(struct service *service, pid_t *pid, struct err *e)
{
    return cluster_start(service->data, pid, e);
}

static bool wait_for_cluster(struct up *up, struct err *e)
{
    const struct service *server = &up->services.rows[0];
    usec_t deadline = clock_boot() + RECOVERY_LIMIT;
    for (int false_starts = 0; !cluster_ready(up->cluster, server->pid);) {
        CLEANUP(text_free) struct text complaint = {0};
        pid_t before = server->pid;
        if (up_stop_asked(up, clock_boot() + LOOK_AGAIN))
            return cancelled(e);
        services_tick(&up->services);
        false_starts += server->pid != before;
        if (false_starts < FALSE_STARTS_MAX && clock_boot() < deadline)
            continue;
        cluster_last_complaint(up->cluster, &complaint);
        return err_set(e, ERR_UNREACHABLE, "PostgreSQL does not start (log: %s/postgres.log): %s", up->state,
                       text_str(&complaint));
    }
    return true;
}

/* Nothing of the caller's libpq settings may reach a database that is ours. */
static void forget_libpq_variables(void)
{
    static const char *const names[] = {"PGOPTIONS",   "PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR", "PGSSLMODE",
                                        "PGDATESTYLE", "PGTZ",      "PGGEQO",        "PGAPPNAME",  "PGTARGETSESSIONATTRS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static bool start_database(struct up *up, struct err *e)
{
    const struct service row = {.name = "postgres",
                                .start = start_cluster,
                                .data = up->cluster = cluster_new(up->state),
                                .stop_signal = SIGINT,
                                .press_signal = SIGQUIT,
                                .stop_limit = SECONDS(60)};
    forget_libpq_variables();
    up->url = cluster_url(up->cluster);
    return cluster_prepare(up->cluster, e) && services_add(&up->services, &row, e) && wait_for_cluster(up, e) &&
           cluster_create_database(up->cluster, e);
}

static struct pg *connect(struct up *up, struct err *e)
{
    const struct pg_options options = {.url = up->url, .application = "drumbeat up", .connect_timeout = SECONDS(5)};
    usec_t deadline = clock_boot() + FOREIGN_LIMIT;
    for (;;) {
        struct pg *pg = pg_open(&options, e);
        if (pg || e->kind != ERR_UNREACHABLE || clock_boot() >= deadline)
            return pg;
        if (up_stop_asked(up, clock_boot() + MSEC(200)))
            return cancelled(e), NULL;
    }
}

static bool migrate_schema(struct up *up, struct err *e)
{
    int applied = 0;
    CLEANUP(pg_closep) struct pg *pg = connect(up, e);
    return pg && migrate(pg, &applied, e);
}

static const char *const *append(struct region *memory, const char *const *first, const char *const *second)
{
    size_t a = 0, b = 0;
    for (; first && first[a]; a++)
        ;
    for (; second && second[b]; b++)
        ;
    const char **all = region_alloc(memory, (a + b + 1) * sizeof *all);
    for (size_t i = 0; i < a + b; i++)
        all[i] = i < a ? first[i] : second[i - a];
    return all;
}

/* Our own program with `verb`, and the flags of every verb that we were given ourselves. The URL may hold a password:
 * it goes through the environment. */
static struct program own_program(struct up *up, const char *verb, const char *const *more, const char *const *upstream)
{
    const char *database[] = {region_printf(up->memory, "DATABASE_URL=%s", up->url), NULL};
    const char *const *argv = append(up->memory, (const char *[]){up->self, verb, NULL}, more);
    if (global_flags.config)
        argv = append(up->memory, argv, (const char *[]){"--config", global_flags.config, NULL});
    for (const char *const *set = global_flags.set; set && *set; set++)
        argv = append(up->memory, argv, (const char *[]){"--set", *set, NULL});
    return (struct program){.argv = argv,
                            .env = append(up->memory, (const char *const *)database, upstream),
                            .output = up->log,
                            .death_signal = SIGTERM};
}

static bool wait_for_sandbox(struct up *up, const struct sandbox *sandbox, struct err *e)
{
    usec_t deadline = clock_boot() + SANDBOX_LIMIT;
    while (!sandbox_answers(sandbox)) {
        if (up_stop_asked(up, clock_boot() + LOOK_AGAIN))
            return cancelled(e);
        if (services_tick(&up->services) || clock_boot() >= deadline)
            return err_set(e, ERR_UNREACHABLE, "the sandbox does not start: see %s", up_log_name(up));
    }
    return true;
}

static bool start_sandbox(struct up *up, struct sandbox *sandbox, struct err *e)
{
    const struct config_upstream *pmp = config_upstream(up->session.config, "pmp");
    const struct sandbox_options options = {.seed = up->args->seed, .scale = up->args->scale, .config = up->session.config};
    struct service row;
    if (!sandbox_publish(up->state, NULL, e)) /* what a killed `up` left */
        return false;
    up->sandboxed = !(pmp && pmp->url) && sandbox_is_installed(up->folder);
    up->has_upstream = (pmp && pmp->url) || up->sandboxed;
    if (!up->has_upstream)
        puts("upstream   none: upstreams.pmp.url is not set and drumbeat-sandbox is not beside this program");
    else if (!up->sandboxed)
        printf("upstream   %s\n", pmp->url);
    else if (!sandbox_service(up->memory, up->folder, &options, up->log, &row, sandbox, e) ||
             !services_add(&up->services, &row, e) || !wait_for_sandbox(up, sandbox, e) ||
             !sandbox_publish(up->state, sandbox, e))
        return false;
    else
        printf("upstream   %s (sandbox)\n", sandbox->url);
    return true;
}

usec_t up_worker_patience(const struct config *config)
{
    return config->worker.drain + PRESS_LATER;
}

static bool start_workers(struct up *up, const char *const *env, struct err *e)
{
    const char *const pool[] = {"--pool", up->args->pool, NULL}, *const results[] = {up->results, NULL};
    struct service worker = {.name = "worker",
                             .start = services_start_program,
                             .program = own_program(up, "worker", up->args->pool ? pool : NULL, append(up->memory, results, env)),
                             .stop_signal = SIGTERM,
                             .press_signal = SIGQUIT,
                             .stop_limit = up_worker_patience(up->session.config),
                             .reload_signal = SIGHUP,
                             .give_up_status = EXIT_USAGE};
    struct service beat = {.name = "beat",
                           .start = services_start_program,
                           .program = own_program(up, "beat", NULL, env),
                           .stop_signal = SIGTERM,
                           .press_signal = SIGKILL,
                           .stop_limit = PRESS_LATER,
                           .reload_signal = SIGHUP,
                           .give_up_status = EXIT_USAGE};
    const char *const any_port[] = {"--listen", "127.0.0.1:0", NULL}; /* its log line says which */
    struct service web = {.name = "web",
                          .start = services_start_program,
                          .program = own_program(up, "web", any_port, NULL),
                          .stop_signal = SIGTERM,
                          .press_signal = SIGKILL,
                          .stop_limit = PRESS_LATER,
                          .reload_signal = SIGHUP,
                          .give_up_status = EXIT_USAGE};
    return services_add(&up->services, &worker, e) && services_add(&up->services, &beat, e) && services_add(&up->services, &web, e);
}

bool up_start(struct up *up, struct err *e)
{
    struct sandbox sandbox = {0};
    if (!find_self(up, e) || !take_state(up, e) || !make_results(up, e))
        return false;
    up->url = up->session.config->database.url;
    printf("state      %s\n", up->state);
    if (!up->url && !start_database(up, e))
        return false;
    printf("database   %s\n", up->cluster ? up->url : "as configured");
    fflush(stdout);
    if (!migrate_schema(up, e) || !start_sandbox(up, &sandbox, e) || !start_workers(up, sandbox.env, e))
        return false;
    if (up->log_path)
        printf("log        %s\n", up->log_path);
    fflush(stdout);
    return true;
}
