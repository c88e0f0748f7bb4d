/* registry: one row a handler, in alphabetical order. */
#include "tasks/registry.h"
#include "tasks/trial/trial.h"

#include <string.h>

const struct handler *const handlers_all[] = {
    &handler_crash, &handler_echo, &handler_effect, &handler_fail, &handler_hog, &handler_noop, &handler_sleep, NULL,
};

const struct handler *handler_find(const char *name)
{
    for (const struct handler *const *h = handlers_all; *h; h++)
        if (strcmp((*h)->name, name) == 0)
            return *h;
    return NULL;
}
