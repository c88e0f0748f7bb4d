/* web: the loop that looks. It owns the connection and the signals; requests are answered by the server's thread.
 *
 *     connect, within 10 s -> listen -> look, publish, sleep until the next reading is due
 *                                        ^ connection lost: say so, back off, connect again
 */
#include "web/web.h"
#include "common/base/hangup.h"
#include "common/base/log.h"
#include "web/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define START_PATIENCE SECONDS(10)
#define CONNECT_TIMEOUT SECONDS(5)
#define CALL_TIMEOUT (MSEC(LOOK_CALL_MS) + SECONDS(1)) /* the server's own limit comes first */
#define BACKOFF_FIRST MSEC(100)
#define BACKOFF_MAX SECONDS(5)

struct loop {
    struct web *web;
    struct pg_options database;
    struct pg *pg;
    struct look look; /* what is being seen; web->look is what was published */
    enum verdict verdicts[HEALTH_CHECKS];
    usec_t backoff;
    int signals;
    bool (*reread)(struct err *e);
    bool ended;
};

/* SIGTERM, SIGINT and SIGHUP are only seen by sleep_until(), in all threads that come after this. */
static bool open_signals(struct loop *l, struct err *e)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    hangup_watch();
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &ends, NULL) != 0)
        return err_errno(e, ERR_FAILED, errno, "pthread_sigmask");
    l->signals = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
    return l->signals >= 0 || err_errno(e, ERR_FAILED, errno, "signalfd");
}

static void reload(const struct loop *l)
{
    struct err e;
    if (l->reread && l->reread(&e))
        log_info("web.reloaded");
    else if (l->reread)
        log_error("web.reload_refused", LOG_ERR(&e));
}

static void heed_signal(struct loop *l)
{
    struct signalfd_siginfo info;
    if (read(l->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGHUP && !hangup_is_end())
        reload(l);
    else
        l->ended = true;
}

/* Until `at` on clock_boot(), or the end is asked for; looks for that at least once. */
static void sleep_until(struct loop *l, usec_t at)
{
    struct pollfd fds[] = {{.fd = l->signals, .events = POLLIN}};
    usec_t left;
    do {
        left = at - clock_boot();
        if (poll(fds, 1, left > 0 ? (int)((left + 999) / 1000) : 0) > 0)
            heed_signal(l);
    } while (!l->ended && left > 0);
}

/* A line for each check whose verdict is another than at the last look. */
static void log_changes(struct loop *l)
{
    static struct finding findings[HEALTH_CHECKS];
    health_judge(&l->look, &l->web->rules, clock_boot(), findings);
    for (size_t i = 0; i < HEALTH_CHECKS; i++) {
        const struct finding *f = &findings[i];
        if (!f->judged || f->verdict == l->verdicts[i])
            continue;
        l->verdicts[i] = f->verdict;
        if (f->verdict == VERDICT_PASS)
            log_info("web.check_passes", LOG_STR("check", f->check));
        else if (f->verdict == VERDICT_WARN)
            log_warning("web.check_warns", LOG_STR("check", f->check), LOG_STR("reason", f->reason));
        else
            log_error("web.check_fails", LOG_STR("check", f->check), LOG_STR("reason", f->reason));
    }
}

static void publish(struct loop *l)
{
    l->look.turned_at = clock_boot();
    pthread_mutex_lock(&l->web->lock);
    l->web->look = l->look;
    pthread_mutex_unlock(&l->web->lock);
    log_changes(l);
}

/* Full jitter, doubling. */
static void back_off(struct loop *l)
{
    sleep_until(l, clock_boot() + MSEC(10) + jitter(l->backoff));
    l->backoff = l->backoff * 2 < BACKOFF_MAX ? l->backoff * 2 : BACKOFF_MAX;
}

static bool connect_database(struct loop *l, struct err *e)
{
    l->pg = pg_open(&l->database, e);
    if (l->pg)
        look_connected(&l->look);
    return l->pg != NULL;
}

static void lose_database(struct loop *l, const struct err *why)
{
    pg_close(l->pg);
    l->pg = NULL;
    look_forget(&l->look, why);
    publish(l);
    back_off(l);
}

/* The first connection, tried for a while. True without one when the end was asked for. */
static bool connect_first(struct loop *l, struct err *e)
{
    usec_t until = clock_boot() + START_PATIENCE;
    while (!l->ended && !connect_database(l, e)) {
        if (e->kind == ERR_USAGE || clock_boot() + l->backoff >= until)
            return false;
        back_off(l);
    }
    return true;
}

/* One look, published; or the connection is lost and published as such. */
static void look_once(struct loop *l)
{
    struct err e;
    if ((!l->pg && !connect_database(l, &e)) || !look_read(&l->look, l->pg, &e)) {
        lose_database(l, &e);
        return;
    }
    l->backoff = BACKOFF_FIRST;
    publish(l);
}

/* The first look comes before the first request. */
static bool serve(struct loop *l, const struct web_options *options, struct err *e)
{
    char at[SERVER_ADDRESS_MAX];
    look_once(l);
    struct server *server = server_start(options->listen, l->web, at, e);
    if (!server)
        return false;
    printf("listening on http://%s\n", at);
    fflush(stdout);
    log_info("web.started", LOG_STR("address", at), LOG_STR("version", DRUMBEAT_VERSION));
    while (!l->ended) {
        sleep_until(l, l->pg ? look_wake(&l->look) : 0);
        if (!l->ended)
            look_once(l);
    }
    server_stop(server);
    log_info("web.stopped");
    return true;
}

static bool run(struct loop *l, const struct web_options *options, struct err *e)
{
    if (!server_check(options->listen, e) || !open_signals(l, e) || !connect_first(l, e))
        return false;
    return l->ended || serve(l, options, e);
}

int web_main(const struct web_options *options)
{
    struct err e;
    struct web *web = mem_zero(1, sizeof *web);
    struct loop *l = mem_zero(1, sizeof *l);
    *web = (struct web){.rules = options->rules, .started_at = clock_now()};
    web->look.turned_at = clock_boot();
    pthread_mutex_init(&web->lock, NULL);
    l->web = web;
    l->database = (struct pg_options){.url = options->url,
                                      .application = "drumbeat web",
                                      .pooled = options->pooled,
                                      .connect_timeout = CONNECT_TIMEOUT,
                                      .call_timeout = CALL_TIMEOUT};
    l->backoff = BACKOFF_FIRST;
    l->reread = options->reread;
    l->signals = -1;
    bool good = run(l, options, &e);
    if (l->signals >= 0)
        close(l->signals);
    pg_close(l->pg);
    pthread_mutex_destroy(&web->lock);
    free(l);
    free(web);
    if (good)
        return 0;
    fprintf(stderr, "drumbeat web: %s\n", e.text);
    return err_exit_status(e.kind);
}
