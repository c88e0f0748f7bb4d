/* hangup: /dev/tty can be opened exactly while the session has a terminal (tty(4)). */
#include "common/base/hangup.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static bool had_terminal;

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void hangup_watch(void)
{
    struct sigaction inherited;
    bool ignored = sigaction(SIGHUP, NULL, &inherited) == 0 && inherited.sa_handler == SIG_IGN;
    had_terminal = !ignored && has_terminal();
}

bool hangup_is_end(void)
{
    return had_terminal && !has_terminal();
}
