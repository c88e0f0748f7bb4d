/* socket: the folder of the private cluster's socket. */
#include "cli/up/socket.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* FNV-1a: tells the sockets of several state folders apart. */
static uint32_t fingerprint(const char *s)
{
    uint32_t hash = 2166136261U;
    for (; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 16777619U;
    return hash;
}

void socket_folder(const char *state, struct text *folder)
{
    static const char own[] = "/socket";
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (strlen(state) + strlen(own) + strlen(SOCKET_NAME) <= SOCKET_PATH_MAX)
        text_printf(folder, "%s%s", state, own);
    else if (geteuid() == 0)
        text_printf(folder, "/run/drumbeat-%08x", fingerprint(state));
    else if (runtime && runtime[0] == '/' && strlen(runtime) < SOCKET_PATH_MAX / 2)
        text_printf(folder, "%s/drumbeat-%08x", runtime, fingerprint(state));
    else
        text_printf(folder, "%s/drumbeat-%u-%08x", P_tmpdir, (unsigned)geteuid(), fingerprint(state));
}

bool socket_make_folder(const char *folder, uid_t uid, gid_t gid, struct err *e)
{
    struct stat found;
    uid_t owner = uid ? uid : geteuid();
    bool made = mkdir(folder, 0700) == 0;
    if (!made && errno != EEXIST)
        return err_errno(e, ERR_REFUSED, errno, "folder %s for the socket cannot be made", folder);
    if (made && uid && chown(folder, uid, gid) != 0)
        return err_errno(e, ERR_REFUSED, errno, "folder %s for the socket", folder);
    if (lstat(folder, &found) != 0)
        return err_errno(e, ERR_REFUSED, errno, "folder %s for the socket", folder);
    if (!S_ISDIR(found.st_mode) || (found.st_uid != owner && found.st_uid != geteuid()) || (found.st_mode & 077))
        return err_set(e, ERR_REFUSED, "%s is not a folder of ours alone: remove it", folder);
    return found.st_uid == owner || chown(folder, uid, gid) == 0 ||
           err_errno(e, ERR_REFUSED, errno, "folder %s for the socket", folder);
}
