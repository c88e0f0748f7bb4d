/* catalog: descriptors, overridden by the configuration, with the defaults of the contract. */
#include "worker/catalog.h"
#include "tasks/registry.h"

#include <stdlib.h>
#include <string.h>

static const usec_t default_soft = MINUTES(55), default_hard = HOURS(1);
enum { DEFAULT_ATTEMPTS = 3, DEFAULT_MEMORY_MIB = 512 };

static int64_t first_set(int64_t a, int64_t b, int64_t c)
{
    return a ? a : b ? b : c;
}

static struct catalog_entry make_entry(const struct handler *h, const struct config_handler *conf)
{
    static const struct config_handler untold;
    const struct config_handler *c = conf ? conf : &untold;
    return (struct catalog_entry){
        .handler = h,
        .queue = c->queue ? c->queue : h->queue ? h->queue : "default",
        .max_attempts = (int)first_set(c->max_attempts, h->retry.max, DEFAULT_ATTEMPTS),
        .soft = first_set(c->soft, h->limit.soft, default_soft),
        .hard = first_set(c->hard, h->limit.hard, default_hard),
        .memory = first_set(c->memory, h->limit.memory, (int64_t)DEFAULT_MEMORY_MIB << 20),
    };
}

struct catalog *catalog_make(const struct config *config, struct err *e)
{
    for (size_t i = 0; i < config->handler_count; i++)
        if (!handler_find(config->handlers[i].name)) {
            err_set(e, ERR_USAGE, "handlers.%s: there is no such handler ('drumbeat handlers' lists them)", config->handlers[i].name);
            return NULL;
        }
    struct catalog *catalog = mem_zero(1, sizeof *catalog);
    while (handlers_all[catalog->count])
        catalog->count++;
    catalog->entries = mem_zero(catalog->count, sizeof *catalog->entries);
    catalog->names = mem_zero(catalog->count, sizeof *catalog->names);
    for (size_t i = 0; i < catalog->count; i++) {
        catalog->names[i] = handlers_all[i]->name;
        catalog->entries[i] = make_entry(handlers_all[i], config_handler(config, handlers_all[i]->name));
        catalog->entries[i].place = i;
    }
    return catalog;
}

const struct catalog_entry *catalog_find(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (strcmp(catalog->names[i], name) == 0)
            return &catalog->entries[i];
    return NULL;
}
