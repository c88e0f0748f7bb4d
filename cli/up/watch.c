/* watch: the main loop of `drumbeat up`. It waits for signals, and looks at the tasks now and then. */
#include "cli/up/state.h"
#include "cli/up/up.h"
#include "cli/verb.h"
#include "common/base/log.h"
#include "sql/queries.h"

#include <stdio.h>
#include <string.h>

#define LOOK_EVERY MSEC(200) /* at tasks, while somebody waits for them */
#define LOOK_IDLE SECONDS(1)
#define LOOK_LOST SECONDS(2) /* for a database that is away */
#define TRIM_EVERY MINUTES(1)

struct watch {
    struct up *up;
    struct display display;
    struct round round;
    bool in_round;
    usec_t look_at, trim_at; /* clock_boot() */
    usec_t round_at;         /* when the round began */
};

static bool connect(struct up *up, struct err *e)
{
    const struct pg_options options = {.url = up->url, .application = "drumbeat up", .connect_timeout = SECONDS(2), .call_timeout = SECONDS(5)};
    if (up->session.pg && pg_alive(up->session.pg))
        return true;
    pg_close(up->session.pg);
    up->session.pg = pg_open(&options, e);
    return up->session.pg != NULL;
}

static void show_round(struct watch *w)
{
    struct display_row rows[ROUND_TASKS];
    size_t count = round_shown(&w->round);
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct display_row){round_name(&w->round.tasks[i]), round_state(&w->round.tasks[i])};
    display_show(&w->display, rows, count);
}

static void end_round(struct watch *w)
{
    CLEANUP(text_free) struct text why = {0};
    char took[CLOCK_TEXT_MAX];
    w->in_round = false;
    display_settle(&w->display);
    duration_format((clock_boot() - w->round_at) / MSEC(1) * MSEC(1), took);
    round_failure(&w->round, &why);
    if (w->round.outcome == ROUND_SUCCEEDED)
        printf("the first round of syncs is done in %s\n", took);
    else if (!w->up->args->once) /* with --once it is the error that the verb ends with */
        printf("the first round of syncs failed: %s\n", text_str(&why));
    fflush(stdout);
}

static bool advance_round(struct watch *w, struct err *e)
{
    if (!round_advance(&w->round, w->up->session.pg, e))
        return false;
    show_round(w);
    if (w->round.outcome != ROUND_GOES_ON)
        end_round(w);
    return true;
}

/* After the round: what runs right now, on a terminal; a pipe has the log. */
static bool show_running(struct watch *w, struct err *e)
{
    struct pg_rows found;
    struct display_row rows[DISPLAY_ROWS_MAX];
    if (!w->display.live)
        return true;
    if (!pg_exec(w->up->session.pg, &sql_up_running, &found, e, pg_int(DISPLAY_ROWS_MAX)))
        return false;
    size_t count = found.count < DISPLAY_ROWS_MAX ? found.count : DISPLAY_ROWS_MAX;
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct display_row){.name = pg_get_text(&found, i, 0),
                                       .state = {.status = "RUNNING",
                                                 .attempt = (int)pg_get_int(&found, i, 1),
                                                 .progress_value = pg_get_int(&found, i, 2),
                                                 .end_value = pg_get_int(&found, i, 3),
                                                 .progress_message = pg_get_text(&found, i, 4)}};
    display_show(&w->display, rows, count);
    return true;
}

static void look(struct watch *w)
{
    struct err e;
    bool good = connect(w->up, &e) && (w->in_round ? advance_round(w, &e) : show_running(w, &e));
    w->look_at = clock_boot() + (!good ? LOOK_LOST : w->in_round || w->display.live ? LOOK_EVERY : LOOK_IDLE);
    if (!good)
        log_warning("up.look_failed", LOG_ERR(&e));
}

static void trim_logs(struct watch *w)
{
    w->trim_at = clock_boot() + TRIM_EVERY;
    if (w->up->log >= 0)
        state_trim_log(w->up->log);
    if (w->up->cluster)
        cluster_trim_log(w->up->cluster);
}

static usec_t earliest(const struct watch *w)
{
    usec_t restart_at = services_next_at(&w->up->services);
    usec_t at = w->look_at < w->trim_at ? w->look_at : w->trim_at;
    return restart_at && restart_at < at ? restart_at : at;
}

/* One complaint about a file that is wrong, rather than one from each that would read it. */
static void reload(struct up *up)
{
    struct err e;
    CLEANUP(config_freep) struct config *config = session_reread(NULL, &e);
    up->reload_asked = false;
    if (!config) {
        log_error("up.reload_refused", LOG_ERR(&e));
        return;
    }
    for (size_t i = 0; i < up->services.count; i++)
        if (strcmp(up->services.rows[i].name, "worker") == 0)
            up->services.rows[i].stop_limit = up_worker_patience(config);
    services_reload(&up->services);
    log_info("up.reloaded");
}

static bool begin(struct watch *w, struct err *e)
{
    bool due = false;
    if (!connect(w->up, e) || !round_is_due(w->up->session.pg, &due, e))
        return false;
    w->in_round = (due || w->up->args->once) && w->up->has_upstream;
    if (w->up->args->once && !w->in_round)
        return err_set(e, ERR_REFUSED, "--once: there is no upstream to sync with: set upstreams.pmp.url");
    w->round_at = clock_boot();
    round_begin(&w->round, w->up->session.config, w->up->sandboxed);
    if (w->in_round)
        puts("the first round of syncs:");
    else
        puts("everything runs; Ctrl-C stops it");
    fflush(stdout);
    return true;
}

/* One turn; true while there is more to do. */
static bool turn(struct watch *w, bool *stopped, struct err *e)
{
    *stopped = up_stop_asked(w->up, earliest(w));
    if (w->up->reload_asked && !*stopped)
        reload(w->up);
    const struct service *wrong = services_tick(&w->up->services);
    if (wrong)
        return err_set(e, ERR_USAGE, "%s refuses its configuration: see %s", wrong->name,
                       up_log_name(w->up));
    if (clock_boot() >= w->trim_at)
        trim_logs(w);
    if (clock_boot() >= w->look_at)
        look(w);
    return !*stopped && !(w->up->args->once && !w->in_round);
}

bool up_watch(struct up *up, struct err *e)
{
    CLEANUP(text_free) struct text why = {0};
    struct watch w = {.up = up};
    bool stopped = false;
    err_clear(e);
    display_open(&w.display);
    if (!begin(&w, e))
        return false;
    while (turn(&w, &stopped, e))
        ;
    display_settle(&w.display);
    if (e->kind != ERR_NONE || !up->args->once)
        return e->kind == ERR_NONE;
    if (w.in_round)
        return err_set(e, ERR_CANCELLED, "stopped before the first round of syncs was done");
    round_failure(&w.round, &why);
    return w.round.outcome == ROUND_SUCCEEDED || err_set(e, ERR_FAILED, "the first round of syncs failed: %s", text_str(&why));
}
