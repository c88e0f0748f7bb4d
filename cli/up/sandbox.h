#pragma once
/* The stand-in upstreams: program drumbeat-sandbox beside our own, on a loopback port that stays the same as long as
 * `up` runs. */
#include "cli/up/services.h"
#include "common/base/err.h"
#include "common/base/region.h"
#include "config/config.h"
#include <stdbool.h>

struct sandbox_options {
    const char *seed, *scale;    /* of the program; NULL: its default */
    const struct config *config; /* which upstreams have an address already */
};

/* Is drumbeat-sandbox in `folder`? */
bool sandbox_is_installed(const char *folder);

/* Where it listens, and what tells a worker about it. */
struct sandbox {
    int port;
    const char *url;
    const char *const *env; /* "DRUMBEAT_UPSTREAMS_PMP_URL=…", ends with NULL */
};

/* Choose a port and fill the row of a service that runs the program of `folder` with its output to `output`. Everything
 * lives in `memory`. */
bool sandbox_service(struct region *memory, const char *folder, const struct sandbox_options *options, int output,
                     struct service *service, struct sandbox *sandbox, struct err *e);

/* Does it take connections yet? */
bool sandbox_answers(const struct sandbox *sandbox);

/* Tell verbs of the same user, in other terminals, where the sandbox is: a file in the state folder. NULL takes the file
 * away. */
bool sandbox_publish(const char *state, const struct sandbox *sandbox, struct err *e);

/* Put what the running `up` on the default state folder published into our environment, where we have no such variable. */
void sandbox_adopt_published(void);
