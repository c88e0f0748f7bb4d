/* verbs: the list of everything `drumbeat` can do, in the order in which --help shows it. */
#include "cli/verb.h"

#include <stddef.h>

extern const struct verb verb_worker, verb_fork_server, verb_migrate, verb_config, verb_version;

const struct verb *const verbs[] = {
    &verb_worker,
    &verb_migrate,
    &verb_config,
    &verb_version,
    &verb_fork_server,
    NULL,
};
