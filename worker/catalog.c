/* catalog: descriptors, overridden by the configuration, with the defaults of the contract. */
#include "worker/catalog.h"

#include "common/base/region.h"
#include "tasks/app/app.h"
#include "tasks/command/kept.h"
#include "tasks/registry.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)CATALOG_PROGRAMS_MAX == (int)KEPT_MAX, "a child has room for all of them");

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

static bool resolve_env(const struct config_handler *conf, struct command *command, struct err *e)
{
    size_t count = 0;
    while (conf->env && conf->env[count])
        count++;
    const char **env = mem_zero(count + 1, sizeof *env);
    command->env = env;
    for (size_t i = 0; i < count; i++) {
        struct text value = {0};
        if (!config_secret_pair(conf->env[i], "=", &value, e))
            return err_add(e, "handlers.%s.command.env", conf->name);
        env[i] = value.data;
    }
    return true;
}

static const struct handler *command_handler(struct command command, const char *summary, const char *queue, struct limits limits)
{
    struct command *kept = mem_zero(1, sizeof *kept);
    struct handler *handler = mem_zero(1, sizeof *handler);
    *kept = command;
    *handler = (struct handler){.name = command.name, .summary = summary, .queue = queue, .run = command_run, .context = kept, .limit = limits};
    return handler;
}

/* A handler that is a command: its descriptor is made here. */
static const struct handler *make_command(const struct config_handler *conf, struct err *e)
{
    struct command command = {.name = conf->name, .argv = conf->argv, .cwd = conf->cwd, .keep = conf->keep};
    return resolve_env(conf, &command, e) ? command_handler(command, conf->keep ? "Run by a command that stays" : "Run a command", NULL, (struct limits){0}) : NULL;
}

static const struct handler *make_app_task(const struct app *app, const struct app_task *task, const struct config *config)
{
    struct command command = app->command;
    command.name = task->name;
    return command_handler(command, "A task of the Celery application", task->queue,
                           (struct limits){.soft = task->soft, .hard = task->hard, .memory = config->celery.memory});
}

const struct command *catalog_command(const struct catalog_entry *entry)
{
    return entry->handler->run == command_run ? entry->handler->context : NULL;
}

bool catalog_is_app(const struct catalog_entry *entry)
{
    const struct command *command = catalog_command(entry);
    return command && command->message;
}

/* Making a catalog: whoever comes first has the name. */
struct making {
    const struct config *config;
    struct catalog *catalog;
    size_t room;
};

/* The place of the name, or the one where it belongs. */
static bool find_place(const struct catalog *catalog, const char *name, size_t *place)
{
    size_t low = 0, high = catalog->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(catalog->entries[middle].handler->name, name);
        if (order == 0) {
            *place = middle;
            return true;
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    *place = low;
    return false;
}

static bool add_entry(struct making *m, const struct handler *handler, const struct config_handler *conf, struct err *e)
{
    struct catalog *catalog = m->catalog;
    size_t place;
    if (find_place(catalog, handler->name, &place))
        return true;
    if (catalog->count == m->room)
        return err_set(e, ERR_LIMIT, "more than %d handlers", CATALOG_MAX);
    memmove(catalog->entries + place + 1, catalog->entries + place, (catalog->count - place) * sizeof *catalog->entries);
    catalog->entries[place] = make_entry(handler, conf);
    catalog->count++;
    return true;
}

static bool add_commands(struct making *m, struct err *e)
{
    const struct config *config = m->config;
    for (const struct config_handler *conf = config->handlers; conf < config->handlers + config->handler_count; conf++) {
        if (!conf->argv)
            continue;
        if (handler_find(conf->name))
            return err_set(e, ERR_USAGE, "handlers.%s.command: a built-in handler has this name", conf->name);
        const struct handler *handler = make_command(conf, e);
        if (!handler || !add_entry(m, handler, conf, e))
            return false;
    }
    return true;
}

static bool add_app(struct making *m, struct region *memory, struct err *e)
{
    struct app app;
    struct app_options options = {.name = m->config->celery.app, .python = m->config->celery.python, .folder = m->config->celery.folder};
    if (!app_ask(&options, memory, &app, e))
        return false;
    for (size_t i = 0; i < app.count; i++)
        if (!add_entry(m, make_app_task(&app, &app.tasks[i], m->config), config_handler(m->config, app.tasks[i].name), e))
            return false;
    return true;
}

static bool add_built_in(struct making *m, struct err *e)
{
    for (const struct handler *const *h = handlers_all; *h; h++)
        if (!add_entry(m, *h, config_handler(m->config, (*h)->name), e))
            return false;
    return true;
}

/* What the configuration says of handlers that there are not. */
static bool check_names(const struct making *m, enum catalog_scope scope, struct err *e)
{
    size_t place;
    const struct config *config = m->config;
    bool complete = !config->celery.app || scope == CATALOG_ALL;
    for (size_t i = 0; complete && i < config->handler_count; i++)
        if (!find_place(m->catalog, config->handlers[i].name, &place))
            return err_set(e, ERR_USAGE, "handlers.%s: there is no such handler ('drumbeat handlers' lists them) and it has no command", config->handlers[i].name);
    return true;
}

/* Names and places, and the programs behind them. */
static bool finish(struct catalog *catalog, struct err *e)
{
    for (size_t i = 0; i < catalog->count; i++) {
        const struct handler *handler = catalog->entries[i].handler;
        const struct command *command = catalog_command(&catalog->entries[i]);
        catalog->entries[i].place = i;
        catalog->names[i] = handler->name;
        bool known = !command || !command->keep;
        for (size_t k = 0; !known && k < catalog->program_count; k++)
            known = kept_is_same(catalog->programs[k], command);
        if (!known && catalog->program_count == KEPT_MAX)
            return err_set(e, ERR_LIMIT, "handlers.%s.command: more than %d programs that stay", handler->name, KEPT_MAX);
        if (!known)
            catalog->programs[catalog->program_count++] = command;
    }
    return true;
}

struct catalog *catalog_make(const struct config *config, enum catalog_scope scope, struct err *e)
{
    static struct region *memory; /* a catalog lives as long as the process */
    if (!memory)
        memory = region_new();
    struct catalog *catalog = region_alloc(memory, sizeof *catalog);
    struct making m = {.config = config, .catalog = catalog, .room = CATALOG_MAX};
    catalog->entries = region_alloc(memory, CATALOG_MAX * sizeof *catalog->entries);
    catalog->names = region_alloc(memory, CATALOG_MAX * sizeof *catalog->names);
    bool asks = config->celery.app && scope == CATALOG_ALL;
    bool good = add_commands(&m, e) && (!asks || add_app(&m, memory, e)) && add_built_in(&m, e) && check_names(&m, scope, e) && finish(catalog, e);
    return good ? catalog : NULL;
}

const struct catalog_entry *catalog_find(const struct catalog *catalog, const char *name)
{
    size_t place;
    return find_place(catalog, name, &place) ? &catalog->entries[place] : NULL;
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
