/* verbs: the list of everything `drumbeat` can do, in the order in which --help shows it. */
#include "cli/verb.h"

#include <stddef.h>

extern const struct verb verb_migrate, verb_config, verb_version;

const struct verb *const verbs[] = {
    &verb_migrate,
    &verb_config,
    &verb_version,
    NULL,
};
