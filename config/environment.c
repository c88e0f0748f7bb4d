/* environment: DRUMBEAT_ and the option's path in capitals, for everything that is written as one text. A variable that
 * is empty is as good as missing. */
#include "config/load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STRANGERS_MAX = 32 };

/* Names that are ours without being options; one that ends in _ stands for all that begin with it. */
static const char *const reserved[] = {"DRUMBEAT_CONFIG",   "DRUMBEAT_TASK_ID", "DRUMBEAT_ATTEMPT", "DRUMBEAT_TICK",
                                       "DRUMBEAT_SANDBOX_", "DRUMBEAT_BUILD",   "DRUMBEAT_SOURCE"};

static bool is_reserved(const char *variable)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        size_t known = strlen(reserved[i]);
        if (strncmp(variable, reserved[i], known) == 0 && (variable[known] == '\0' || reserved[i][known - 1] == '_'))
            return true;
    }
    return false;
}

/* Does any option of a section's entry `name` stand in the environment? */
static bool in_environment(const struct section *section, const char *name)
{
    bool found = false;
    for (const struct option *option = section->options; option->key && !found; option++) {
        struct text variable CLEANUP(text_free) = {0};
        option_variable(section, name, option, &variable);
        const char *value = option_is_scalar(option) ? getenv(text_str(&variable)) : NULL;
        found = value && *value;
    }
    return found;
}

static bool has_name(const struct entries *entries, const char *name)
{
    for (size_t i = 0; i < entries->count; i++)
        if (strcmp(entries->names[i], name) == 0)
            return true;
    return false;
}

void environment_names(struct loaded *l)
{
    for (struct entries *entries = l->sections; entries < l->sections + SECTION_COUNT; entries++)
        for (const char *const *name = entries->section->default_names; name && *name; name++)
            if (!has_name(entries, *name) && in_environment(entries->section, *name))
                entries_add(l, entries, *name);
}

/* The one option that `variable` ("NAME=value") names; two entries whose names differ only in . _ - are refused. */
static bool find_variable(struct loaded *l, const char *variable, struct setting *found, size_t *matches, struct err *e)
{
    *matches = 0;
    for (struct entries *entries = l->sections; entries < l->sections + SECTION_COUNT; entries++) {
        for (struct setting at = {.entries = entries}; at.entry < entries->count; at.entry++) {
            for (at.option = 0; at.option < entries->section->option_count; at.option++) {
                const struct option *option = setting_option(at);
                if (!option_is_scalar(option) ||
                    !option_has_variable(entries->section, setting_name(at), option, variable))
                    continue;
                if (++*matches > 1)
                    return err_set(e, ERR_USAGE, "%.*s: may mean %s of '%s' or of '%s'", (int)strcspn(variable, "="),
                                   variable, option->key, setting_name(*found), setting_name(at));
                *found = at;
            }
        }
    }
    return true;
}

static bool apply_variable(struct loaded *l, const char *variable, struct err *e)
{
    struct setting at;
    size_t matches, length = strcspn(variable, "=");
    char *name = region_strndup(l->memory, variable, length);
    if (is_reserved(name) || variable[length] == '\0')
        return true;
    if (!find_variable(l, variable, &at, &matches, e))
        return false;
    if (matches == 0) {
        if (l->config.stranger_count < STRANGERS_MAX)
            l->config.strangers[l->config.stranger_count++] = name;
        return true;
    }
    struct origin origin = {.source = SOURCE_ENVIRONMENT, .name = name};
    return variable[length + 1] == '\0' || setting_set(l, at, variable + length + 1, &origin, e);
}

/* The names that platforms give their databases. */
static bool apply_wellknown(struct loaded *l, struct err *e)
{
    for (struct entries *entries = l->sections; entries < l->sections + SECTION_COUNT; entries++) {
        if (entries->section->rule != NAME_NONE)
            continue;
        for (struct setting at = {.entries = entries}; at.option < entries->section->option_count; at.option++) {
            const char *name = setting_option(at)->variable;
            const char *value = name ? getenv(name) : NULL;
            struct origin origin = {.source = SOURCE_ENVIRONMENT, .name = name};
            if (value && *value && !setting_set(l, at, value, &origin, e))
                return false;
        }
    }
    return true;
}

bool environment_apply(struct loaded *l, struct err *e)
{
    l->config.strangers = region_alloc(l->memory, STRANGERS_MAX * sizeof *l->config.strangers);
    for (char **variable = environ; variable && *variable; variable++)
        if (strncmp(*variable, "DRUMBEAT_", 9) == 0 && !apply_variable(l, *variable, e))
            return false;
    return apply_wellknown(l, e);
}
