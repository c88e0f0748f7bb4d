/* services: a table of child processes. Everything that a child's death leads to is in tick_one(). */
#include "cli/up/services.h"

#include "common/base/hangup.h"
#include "common/base/log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_FIRST MSEC(200)
#define WAIT_MAX SECONDS(30)
#define LONG_LIFE SECONDS(30) /* who lived this long is started again at once */
#define KILL_LIMIT SECONDS(10)

bool services_start_program(struct service *service, pid_t *pid, struct err *e)
{
    return process_start(&service->program, pid, e);
}

/* Start now, or note when to try again. */
static bool start(struct service *service, struct err *e)
{
    usec_t now = clock_boot();
    if (service->start(service, &service->pid, e)) {
        service->state = SERVICE_RUNNING;
        service->started_at = now;
        log_info("up.service_started", LOG_STR("service", service->name), LOG_INT("pid", service->pid));
        return true;
    }
    service->wait = service->wait ? service->wait * 2 : WAIT_FIRST;
    service->wait = service->wait > WAIT_MAX ? WAIT_MAX : service->wait;
    service->state = SERVICE_WAITING;
    service->again_at = now + service->wait;
    return false;
}

bool services_add(struct services *s, const struct service *row, struct err *e)
{
    assert(s->count < SERVICES_MAX);
    struct service *service = &s->rows[s->count];
    *service = *row;
    bool started = start(service, e);
    s->count += started;
    return started;
}

/* Has it ended? Its status is kept. */
static bool reap(struct service *service)
{
    int status;
    if (service->state != SERVICE_RUNNING || waitpid(service->pid, &status, WNOHANG) != service->pid)
        return false;
    service->status = status;
    service->state = SERVICE_STOPPED;
    return true;
}

static void wait_for_next_life(struct service *service)
{
    usec_t now = clock_boot();
    char how[PROCESS_STATUS_MAX];
    if (now - service->started_at >= LONG_LIFE)
        service->wait = 0;
    else
        service->wait = service->wait ? service->wait * 2 : WAIT_FIRST;
    service->wait = service->wait > WAIT_MAX ? WAIT_MAX : service->wait;
    service->state = SERVICE_WAITING;
    service->again_at = now + service->wait;
    log_warning("up.service_ended", LOG_STR("service", service->name), LOG_INT("pid", service->pid),
                LOG_STR("how", process_status(service->status, how)), LOG_FOR("again_in", service->wait));
}

/* False when the service gave up. */
static bool tick_one(struct service *service)
{
    struct err e;
    if (reap(service)) {
        if (service->give_up_status && WIFEXITED(service->status) &&
            WEXITSTATUS(service->status) == service->give_up_status)
            return false;
        wait_for_next_life(service);
    }
    if (service->state == SERVICE_WAITING && clock_boot() >= service->again_at && !start(service, &e))
        log_warning("up.service_not_started", LOG_STR("service", service->name), LOG_ERR(&e));
    return true;
}

const struct service *services_tick(struct services *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (!tick_one(&s->rows[i]))
            return &s->rows[i];
    return NULL;
}

usec_t services_next_at(const struct services *s)
{
    usec_t next = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->rows[i].state == SERVICE_WAITING && (next == 0 || s->rows[i].again_at < next))
            next = s->rows[i].again_at;
    return next;
}

void services_reload(const struct services *s)
{
    for (const struct service *row = s->rows; row < s->rows + s->count; row++)
        if (row->reload_signal && row->state == SERVICE_RUNNING)
            kill(row->pid, row->reload_signal);
}

/* Wait for a signal until `deadline`; true when it was one that asks to stop. */
static bool was_asked_again(int signals, usec_t deadline)
{
    struct pollfd incoming = {.fd = signals, .events = POLLIN};
    struct signalfd_siginfo info;
    usec_t left = deadline - clock_boot();
    if (poll(&incoming, 1, left > 0 ? (int)(left / 1000) + 1 : 0) <= 0)
        return false;
    return read(signals, &info, sizeof info) == (ssize_t)sizeof info && info.ssi_signo != SIGCHLD && (info.ssi_signo != SIGHUP || hangup_is_end());
}

/* Send `number`, then wait until it has ended, the limit has passed or the user asks again. */
static bool stop_with(struct service *service, int number, usec_t limit, int signals)
{
    usec_t deadline = clock_boot() + limit;
    kill(number == SIGKILL ? -service->pid : service->pid, number); /* SIGKILL: its whole process group */
    while (!reap(service) && clock_boot() < deadline)
        if (was_asked_again(signals, deadline))
            break;
    return service->state == SERVICE_STOPPED || reap(service);
}

static void stop_one(struct service *service, int signals)
{
    usec_t began_at = clock_boot();
    char how[PROCESS_STATUS_MAX];
    if (service->state == SERVICE_WAITING)
        service->state = SERVICE_STOPPED;
    if (service->state == SERVICE_STOPPED || reap(service))
        return;
    if (!stop_with(service, service->stop_signal, service->stop_limit, signals) &&
        !stop_with(service, service->press_signal, KILL_LIMIT, signals))
        stop_with(service, SIGKILL, KILL_LIMIT, signals);
    log_info("up.service_stopped", LOG_STR("service", service->name),
             LOG_STR("how", process_status(service->status, how)), LOG_FOR("took", clock_boot() - began_at));
}

void services_stop(struct services *s, int signals)
{
    while (s->count > 0)
        stop_one(&s->rows[--s->count], signals);
}
