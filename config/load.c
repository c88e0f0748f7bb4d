/* load: from all sources to one structure. Weakest first, each later one overwrites: defaults, file, environment,
 * flags. A value that is overwritten must be right all the same. */
#include "config/load.h"

#include "config/value.h"
#include <stdlib.h>
#include <string.h>

void entries_add(struct loaded *l, struct entries *entries, const char *name)
{
    if (entries->count == entries->room) {
        const char **old = entries->names;
        entries->room = entries->room ? entries->room * 2 : 16;
        entries->names = region_alloc(l->memory, entries->room * sizeof *entries->names);
        if (old)
            memcpy(entries->names, old, entries->count * sizeof *old);
    }
    entries->names[entries->count++] = name;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t entries_find(const struct entries *entries, const char *name)
{
    const char *const *found =
        entries->count ? bsearch(&name, entries->names, entries->count, sizeof name, compare_names) : NULL;
    return found ? (size_t)(found - entries->names) : entries->count;
}

/* All names are known: make the structures and give each its name. */
static void entries_make(struct loaded *l, struct entries *entries)
{
    const struct section *section = entries->section;
    if (section->rule == NAME_NONE) {
        entries->count = 1;
        entries->data = (char *)&l->config;
    } else {
        if (entries->count > 0)
            qsort(entries->names, entries->count, sizeof *entries->names, compare_names);
        entries->data = region_alloc(l->memory, entries->count * section->entry_size + 1);
        for (size_t i = 0; i < entries->count; i++)
            memcpy(entries->data + i * section->entry_size, &entries->names[i], sizeof *entries->names);
        memcpy((char *)&l->config + section->entries, &entries->data, sizeof entries->data);
        memcpy((char *)&l->config + section->count, &entries->count, sizeof entries->count);
    }
    entries->origins = region_alloc(l->memory, entries->count * section->option_count * sizeof *entries->origins);
    entries->declared = region_alloc(l->memory, entries->count * sizeof *entries->declared);
}

const struct option *setting_option(struct setting at)
{
    return &at.entries->section->options[at.option];
}

const char *setting_name(struct setting at)
{
    return at.entries->names ? at.entries->names[at.entry] : NULL;
}

void *setting_slot(struct setting at)
{
    return at.entries->data + at.entry * at.entries->section->entry_size + setting_option(at)->offset;
}

struct origin *setting_origin(struct setting at)
{
    return &at.entries->origins[at.entry * at.entries->section->option_count + at.option];
}

bool setting_refuse(struct setting at, const struct origin *origin, struct err *e)
{
    struct text path CLEANUP(text_free) = {0};
    option_path(at.entries->section, setting_name(at), setting_option(at), &path);
    err_add(e, "%s", text_str(&path));
    if (origin->line)
        return err_add(e, "%s:%zu:%zu", origin->name, origin->line, origin->column);
    return origin->name && err_add(e, "%s", origin->name);
}

bool setting_set(struct loaded *l, struct setting at, const char *written, const struct origin *origin, struct err *e)
{
    if (!value_set(l->memory, setting_option(at), setting_slot(at), written, e))
        return setting_refuse(at, origin, e);
    *setting_origin(at) = *origin;
    return true;
}

static bool apply_defaults(struct loaded *l, struct err *e)
{
    static const struct origin origin = {.source = SOURCE_DEFAULT};
    for (struct entries *entries = l->sections; entries < l->sections + SECTION_COUNT; entries++)
        for (struct setting at = {.entries = entries}; at.entry < entries->count; at.entry++)
            for (at.option = 0; at.option < entries->section->option_count; at.option++)
                if (setting_option(at)->fallback && !setting_set(l, at, setting_option(at)->fallback, &origin, e))
                    return false;
    return true;
}

static bool find_path(struct loaded *l, const char *path, struct setting *found)
{
    struct text candidate CLEANUP(text_free) = {0};
    for (struct entries *entries = l->sections; entries < l->sections + SECTION_COUNT; entries++) {
        size_t section = strlen(entries->section->name);
        if (strncmp(path, entries->section->name, section) != 0 || path[section] != '.')
            continue;
        for (struct setting at = {.entries = entries}; at.entry < entries->count; at.entry++) {
            for (at.option = 0; at.option < entries->section->option_count; at.option++) {
                text_reset(&candidate);
                option_path(entries->section, setting_name(at), setting_option(at), &candidate);
                *found = at;
                if (strcmp(text_str(&candidate), path) == 0)
                    return true;
            }
        }
    }
    return false;
}

static bool apply_flags(struct loaded *l, const struct config_flag *flags, struct err *e)
{
    static const struct origin origin = {.source = SOURCE_FLAG};
    struct setting at;
    for (; flags && flags->option; flags++) {
        if (!find_path(l, flags->option, &at))
            return err_set(e, ERR_USAGE, "there is no option %s", flags->option);
        if (!setting_set(l, at, flags->value, &origin, e))
            return false;
    }
    return true;
}

/* What others show in messages about a schedule. */
static void fill_places(struct loaded *l)
{
    const struct origin *declared = l->sections[SECTION_SCHEDULES].declared;
    for (size_t i = 0; i < l->config.schedule_count; i++)
        l->config.schedules[i].where = region_printf(l->memory, "%s:%zu", declared[i].name, declared[i].line);
}

/* An upstream with a well-known name is of that kind. */
static void fill_kinds(struct loaded *l)
{
    for (struct config_upstream *u = l->config.upstreams; u < l->config.upstreams + l->config.upstream_count; u++)
        for (const char *const *known = config_sections[SECTION_UPSTREAMS].default_names; *known && !u->kind; known++)
            if (strcmp(*known, u->name) == 0)
                u->kind = *known;
}

static struct loaded *new_loaded(void)
{
    struct region *memory = region_new();
    struct loaded *l = region_alloc(memory, sizeof *l);
    l->memory = memory;
    for (size_t i = 0; i < SECTION_COUNT; i++)
        l->sections[i].section = &config_sections[i];
    return l;
}

/* What is read besides the file's text. */
struct sources {
    bool environment;
    const struct config_flag *flags;
};

static bool load(struct loaded *l, const char *text, size_t len, const struct origin *file, struct sources sources,
                 struct err *e)
{
    struct node *tree;
    if (!tree_read(l->memory, file->name, text, len, &tree, e) || !file_names(l, tree, file, e))
        return false;
    if (sources.environment)
        environment_names(l);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        entries_make(l, &l->sections[i]);
    bool ok = apply_defaults(l, e) && file_apply(l, tree, file, e) &&
              (!sources.environment || environment_apply(l, e)) && apply_flags(l, sources.flags, e);
    if (!ok)
        return false;
    fill_places(l);
    fill_kinds(l);
    return check_rules(l, e);
}

/* Names in messages are without the "./" that a shell completes. */
static const char *keep_name(struct loaded *l, const char *name)
{
    return region_strdup(l->memory, strncmp(name, "./", 2) == 0 && name[2] ? name + 2 : name);
}

static bool load_file(struct loaded *l, const char *name, const struct config_flag *flags, struct err *e)
{
    struct text text CLEANUP(text_free) = {0};
    struct sources sources = {.environment = true, .flags = flags};
    struct origin origin = {.source = SOURCE_BUILT_IN, .name = "built-in"};
    if (!name && !file_find(&name, e))
        return false;
    if (!name)
        return load(l, config_default_text(), strlen(config_default_text()), &origin, sources, e);
    if (!file_read("the configuration", name, CONFIG_FILE_MAX, &text, e))
        return false;
    l->config.file = keep_name(l, name);
    origin = (struct origin){.source = SOURCE_FILE, .name = l->config.file};
    return load(l, text_str(&text), text.len, &origin, sources, e);
}

struct config *config_load(const char *file, const struct config_flag *flags, struct err *e)
{
    struct loaded *l = new_loaded();
    if (load_file(l, file, flags, e))
        return &l->config;
    e->kind = ERR_USAGE;
    config_free(&l->config);
    return NULL;
}

struct config *config_load_text(const char *text, size_t len, const char *name, struct err *e)
{
    struct loaded *l = new_loaded();
    l->config.file = keep_name(l, name);
    struct origin origin = {.source = SOURCE_FILE, .name = l->config.file};
    if (load(l, text, len, &origin, (struct sources){0}, e))
        return &l->config;
    e->kind = ERR_USAGE;
    config_free(&l->config);
    return NULL;
}

void config_free(struct config *config)
{
    if (config)
        region_free(((struct loaded *)config)->memory);
}

void config_freep(struct config **config)
{
    config_free(*config);
}

/* The entry of that name, NULL when there is none. */
static const void *find_entry(const struct config *config, enum section_id id, const char *name)
{
    const struct entries *entries = &((const struct loaded *)config)->sections[id];
    size_t index = entries_find(entries, name);
    return index < entries->count ? entries->data + index * entries->section->entry_size : NULL;
}

bool config_queue_is_light(const struct config_queue *queue)
{
    return queue && strcmp(queue->rows, "failures") == 0 && strcmp(queue->protocol, "native") == 0;
}

bool config_serves(const struct config *config, const char *queue)
{
    for (const char *const *name = config->worker.queues; name && *name; name++)
        if (strcmp(*name, queue) == 0)
            return true;
    return config->worker.queues == NULL;
}

const struct config_queue *config_queue(const struct config *config, const char *name)
{
    return find_entry(config, SECTION_QUEUES, name);
}

const struct config_handler *config_handler(const struct config *config, const char *name)
{
    return find_entry(config, SECTION_HANDLERS, name);
}

const struct config_upstream *config_upstream(const struct config *config, const char *name)
{
    return find_entry(config, SECTION_UPSTREAMS, name);
}
