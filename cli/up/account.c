/* account: the unprivileged user of the private server. */
#include "cli/up/account.h"

#include "cli/up/process.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

static bool look_up(const char *name, struct account *account)
{
    const struct passwd *user = getpwnam(name);
    if (user && user->pw_uid != 0)
        *account = (struct account){.uid = user->pw_uid, .gid = user->pw_gid};
    return account->uid != 0;
}

static bool create(struct err *e)
{
    static const char *const argv[] = {"/usr/sbin/useradd",   "--system",        "--user-group",
                                       "--no-create-home",    "--home-dir",      "/var/lib/drumbeat",
                                       "--shell",             "/usr/sbin/nologin", "drumbeat", NULL};
    const struct program useradd = {.argv = argv, .output = -1, .death_signal = SIGTERM};
    return process_run(&useradd, SECONDS(30), e) || err_add(e, "PostgreSQL does not run as root, and user drumbeat");
}

bool account_find(struct account *account, struct err *e)
{
    *account = (struct account){0};
    if (geteuid() != 0 || look_up("postgres", account) || look_up("drumbeat", account))
        return true;
    return create(e) && (look_up("drumbeat", account) || err_set(e, ERR_FAILED, "user drumbeat was not made"));
}
