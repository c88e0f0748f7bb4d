#pragma once
/* postgresql.conf of the private cluster: written at every start, so that a new version's settings reach old data. An
 * operator's own settings go into local.conf beside it and win. */
#include "common/base/text.h"

/* Add the file's text for a server whose socket is in `socket_folder`. */
void settings_write(struct text *out, const char *socket_folder);
