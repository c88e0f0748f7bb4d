/* catalog: descriptors, overridden by the configuration, with the defaults of the contract. */
#include "worker/catalog.h"

#include "common/base/region.h"
#include "tasks/command/command.h"
#include "tasks/registry.h"

#include <stdlib.h>
#include <string.h>

static const usec_t default_first = SECONDS(10), default_cap = MINUTES(10);
enum { DEFAULT_ATTEMPTS = 3 };

static int64_t first_set(int64_t a, int64_t b, int64_t c)
{
    return a ? a : b ? b : c;
}

/* Either source may say either policy; what the configuration says of one replaces all that the descriptor says of the other. */
static void set_retry(struct catalog_entry *entry, const struct handler *h, const struct config_handler *c)
{
    bool told = c->retry.first || c->retry.cap;
    entry->retry_delays = c->retry.delays ? c->retry.delays : told ? NULL : h->retry.delays;
    entry->retry_first = first_set(c->retry.first, h->retry.first, default_first);
    entry->retry_cap = first_set(c->retry.cap, h->retry.cap, default_cap);
    if (entry->retry_cap < entry->retry_first)
        entry->retry_cap = entry->retry_first; /* the one that was told */
}

static struct catalog_entry make_entry(const struct handler *h, const struct config_handler *conf)
{
    static const struct config_handler untold;
    const struct config_handler *c = conf ? conf : &untold;
    struct catalog_entry entry = {
        .handler = h,
        .queue = c->queue ? c->queue : h->queue ? h->queue : "default",
        .max_attempts = (int)first_set(c->max_attempts, h->retry.max, DEFAULT_ATTEMPTS),
        .limits = c->limits,
        .max_deaths = c->max_deaths,
    };
    limits_fill(&entry.limits, &h->limit);
    limits_default(&entry.limits);
    set_retry(&entry, h, c);
    return entry;
}

/* A handler that is a command: its descriptor is made here. */
static const struct handler *make_command(const struct config_handler *conf, struct err *e)
{
    size_t count = 0;
    while (conf->env && conf->env[count])
        count++;
    const char **env = mem_zero(count + 1, sizeof *env);
    for (size_t i = 0; i < count; i++) {
        struct text value = {0};
        if (!config_secret_pair(conf->env[i], "=", &value, e)) {
            err_add(e, "handlers.%s.command.env", conf->name);
            return NULL;
        }
        env[i] = value.data;
    }
    struct command *command = mem_zero(1, sizeof *command);
    struct handler *handler = mem_zero(1, sizeof *handler);
    *command = (struct command){.argv = conf->argv, .env = env, .cwd = conf->cwd};
    *handler = (struct handler){.name = conf->name, .summary = "Run a command", .run = command_run, .context = command};
    return handler;
}

static const struct handler *handler_of(const struct config_handler *conf, struct err *e)
{
    const struct handler *built_in = handler_find(conf->name);
    if (built_in && conf->argv) {
        err_set(e, ERR_USAGE, "handlers.%s.command: a built-in handler has this name", conf->name);
        return NULL;
    }
    if (!built_in && !conf->argv) {
        err_set(e, ERR_USAGE, "handlers.%s: there is no such handler ('drumbeat handlers' lists them) and it has no command", conf->name);
        return NULL;
    }
    return built_in ? built_in : make_command(conf, e);
}

static void add_entry(struct catalog *catalog, const struct handler *handler, const struct config_handler *conf)
{
    size_t place = catalog->count++;
    for (; place > 0 && strcmp(catalog->entries[place - 1].handler->name, handler->name) > 0; place--)
        catalog->entries[place] = catalog->entries[place - 1];
    catalog->entries[place] = make_entry(handler, conf);
}

struct catalog *catalog_make(const struct config *config, struct err *e)
{
    size_t most = config->handler_count;
    for (const struct handler *const *h = handlers_all; *h; h++)
        most++;
    static struct region *memory; /* a catalog lives as long as the process */
    if (!memory)
        memory = region_new();
    struct catalog *catalog = region_alloc(memory, sizeof *catalog);
    catalog->entries = region_alloc(memory, most * sizeof *catalog->entries);
    catalog->names = region_alloc(memory, most * sizeof *catalog->names);
    for (const struct handler *const *h = handlers_all; *h; h++)
        add_entry(catalog, *h, config_handler(config, (*h)->name));
    for (size_t i = 0; i < config->handler_count; i++) {
        const struct handler *handler = handler_of(&config->handlers[i], e);
        if (!handler)
            return NULL;
        if (!handler_find(handler->name))
            add_entry(catalog, handler, &config->handlers[i]);
    }
    if (catalog->count > CATALOG_MAX) {
        err_set(e, ERR_LIMIT, "more than %d handlers", CATALOG_MAX);
        return NULL;
    }
    for (size_t i = 0; i < catalog->count; i++) {
        catalog->entries[i].place = i;
        catalog->names[i] = catalog->entries[i].handler->name;
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

usec_t catalog_retry_delay(const struct catalog_entry *entry, int attempt)
{
    const usec_t *delays = entry->retry_delays;
    if (delays) {
        while (attempt > 1 && delays[1] >= 0) {
            delays++;
            attempt--;
        }
        return *delays;
    }
    usec_t limit = entry->retry_first;
    for (int i = 1; i < attempt && limit < entry->retry_cap; i++)
        limit *= 2;
    return jitter(limit < entry->retry_cap ? limit : entry->retry_cap);
}

int64_t catalog_processes(const struct catalog *catalog)
{
    int64_t most = 0;
    for (size_t i = 0; i < catalog->count; i++)
        if (catalog->entries[i].limits.processes > most)
            most = catalog->entries[i].limits.processes;
    return most;
}
