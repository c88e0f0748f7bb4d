/* state: the state folder, its lock and its logs. */
#include "cli/up/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *home_folder(void)
{
    const char *home = getenv("HOME");
    if (home && home[0] == '/')
        return home;
    const struct passwd *user = getpwuid(geteuid());
    return user ? user->pw_dir : NULL;
}

bool state_default_folder(struct text *folder, struct err *e)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = home_folder();
    if (geteuid() == 0)
        text_puts(folder, "/var/lib/drumbeat");
    else if (xdg && xdg[0] == '/')
        text_printf(folder, "%s/drumbeat", xdg);
    else if (home)
        text_printf(folder, "%s/.local/state/drumbeat", home);
    else
        return err_set(e, ERR_USAGE, "no home folder for the state: give one with --state");
    return true;
}

void state_results(const char *state, struct text *folder)
{
    text_printf(folder, "%s/results", state);
}

bool state_make_folder(const char *folder, unsigned mode, struct err *e)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s", folder) >= sizeof path)
        return err_set(e, ERR_USAGE, "the path of folder %.60s… is too long", folder);
    for (char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        if (slash == path)
            continue;
        *slash = '\0';
        bool made = mkdir(path, 0755) == 0 || errno == EEXIST;
        if (!made)
            return err_errno(e, ERR_REFUSED, errno, "folder %s cannot be made", path);
        *slash = '/';
    }
    if (mkdir(path, mode) == 0)
        return chmod(path, mode) == 0 || err_errno(e, ERR_REFUSED, errno, "folder %s", path);
    struct stat found;
    if (errno == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode))
        return true;
    return err_errno(e, ERR_REFUSED, errno, "folder %s cannot be made", path);
}

/* A lock of fcntl(), not flock(): it tells who has it. */
bool state_lock(const char *folder, int *lock, struct err *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/up.lock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, ERR_REFUSED, errno, "%s", path);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &whole) == 0) {
        *lock = fd;
        return true;
    }
    int reason = errno;
    bool known = fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    close(fd);
    if (reason != EACCES && reason != EAGAIN)
        return err_errno(e, ERR_REFUSED, reason, "%s cannot be locked", path);
    if (!known)
        return err_set(e, ERR_REFUSED, "another `drumbeat up` was using %s just now: try again", folder);
    return err_set(e, ERR_REFUSED, "another `drumbeat up` (pid %d) uses %s", (int)whole.l_pid, folder);
}

bool state_open_log(const char *folder, const char *name, int *log, struct err *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *log = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (*log < 0)
        return err_errno(e, ERR_REFUSED, errno, "%s", path);
    state_trim_log(*log);
    return true;
}

void state_trim_log(int log)
{
    struct stat found;
    bool large = fstat(log, &found) == 0 && S_ISREG(found.st_mode) && found.st_size > STATE_LOG_MAX;
    if (large && ftruncate(log, 0) != 0)
        return; /* a full disk: the next turn tries again */
}
