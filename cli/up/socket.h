#pragma once
/* Where the private cluster's socket is: in the state folder, or where that path is too long for a socket, in a short
 * folder that is only this user's and only this state folder's. */
#include "common/base/err.h"
#include "common/base/text.h"
#include <stdbool.h>
#include <sys/types.h>

/* The longest path of a socket (unix(7): sun_path holds 108 bytes with its end), and what PostgreSQL adds to a folder. */
enum { SOCKET_PATH_MAX = 107 };
#define SOCKET_NAME "/.s.PGSQL.5432"

/* Add the folder's path: a pure function of `state`, the user and the environment. */
void socket_folder(const char *state, struct text *folder);

/* Make the folder, mode 0700, for `uid` and `gid` (0: us). Refused when somebody else's, or open to others. */
bool socket_make_folder(const char *folder, uid_t uid, gid_t gid, struct err *e);
