/* identity: setgroups, setgid, setuid, in this order (credentials(7)). */
#include "worker/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool identity_find(const char *user, struct identity *out, struct err *e)
{
    *out = (struct identity){0};
    if (!user)
        return true;
    const struct passwd *entry = getpwnam(user);
    if (!entry)
        return err_set(e, ERR_USAGE, "worker.user: there is no user '%s'", user);
    if (geteuid() == entry->pw_uid)
        return true;
    if (geteuid() != 0)
        return err_set(e, ERR_USAGE, "worker.user: only root can run children as '%s'", user);
    *out = (struct identity){.taken = true, .uid = entry->pw_uid, .gid = entry->pw_gid, .group_count = IDENTITY_GROUPS_MAX};
    return getgrouplist(user, entry->pw_gid, out->groups, &out->group_count) >= 0 ||
           err_set(e, ERR_USAGE, "worker.user: '%s' is in more than %d groups", user, IDENTITY_GROUPS_MAX);
}

void identity_take(const struct identity *identity, int64_t processes)
{
    pid_t parent = getppid();
    if (!identity->taken)
        return;
    struct rlimit limit = {(rlim_t)processes, (rlim_t)processes};
    bool done = setrlimit(RLIMIT_NPROC, &limit) == 0 && setgroups((size_t)identity->group_count, identity->groups) == 0 &&
                setgid(identity->gid) == 0 && setuid(identity->uid) == 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the change of user has cleared it (prctl(2)) */
    if (!done || getppid() != parent)
        _exit(1);
}
