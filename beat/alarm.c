/* alarm: a signalfd and two timerfds. The one on CLOCK_REALTIME never runs out: it is there to be cancelled when the
 * clock is set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). */
#include "beat/alarm.h"
#include "common/base/hangup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static bool arm_steps(struct alarm *alarm, struct err *e)
{
    struct itimerspec far = {.it_value.tv_sec = (clock_now() + DAYS(3650)) / SECONDS(1)};
    return timerfd_settime(alarm->steps, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL) == 0 ||
           errno == ECANCELED || err_errno(e, ERR_FAILED, errno, "timerfd_settime");
}

bool alarm_open(struct alarm *alarm, struct err *e)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    hangup_watch();
    *alarm = (struct alarm){.signals = -1, .timer = -1, .steps = -1};
    if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0)
        return err_errno(e, ERR_FAILED, errno, "sigprocmask");
    alarm->signals = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
    alarm->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    alarm->steps = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (alarm->signals >= 0 && alarm->timer >= 0 && alarm->steps >= 0)
        return arm_steps(alarm, e);
    err_errno(e, ERR_FAILED, errno, "signalfd, timerfd_create");
    alarm_close(alarm);
    return false;
}

static void close_descriptor(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void alarm_close(struct alarm *alarm)
{
    close_descriptor(&alarm->signals);
    close_descriptor(&alarm->timer);
    close_descriptor(&alarm->steps);
}

bool alarm_ended(struct alarm *alarm)
{
    struct signalfd_siginfo info;
    while (read(alarm->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP && !hangup_is_end())
            alarm->reload = true;
        else
            alarm->ended = true;
    }
    return alarm->ended;
}

/* A read of the timer fails with ECANCELED once after the clock was set. */
static bool clock_was_set(struct alarm *alarm)
{
    uint64_t expirations;
    return read(alarm->steps, &expirations, sizeof expirations) < 0 && errno == ECANCELED;
}

bool alarm_wait(struct alarm *alarm, usec_t until, int socket, bool *stepped, struct err *e)
{
    usec_t at = until > 1 ? until : 1; /* 0 would disarm it */
    struct itimerspec when = {.it_value = {.tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000}};
    if (timerfd_settime(alarm->timer, TFD_TIMER_ABSTIME, &when, NULL) != 0)
        return err_errno(e, ERR_FAILED, errno, "timerfd_settime");
    struct pollfd fds[] = {{.fd = alarm->signals, .events = POLLIN},
                           {.fd = alarm->timer, .events = POLLIN},
                           {.fd = alarm->steps, .events = POLLIN},
                           {.fd = socket, .events = POLLIN}};
    if (poll(fds, sizeof fds / sizeof *fds, -1) < 0 && errno != EINTR)
        return err_errno(e, ERR_FAILED, errno, "poll");
    *stepped = clock_was_set(alarm);
    alarm_ended(alarm);
    return !*stepped || arm_steps(alarm, e);
}
