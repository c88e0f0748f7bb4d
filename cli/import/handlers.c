/* handlers: which handler runs a row, and whether it may. */
#include "cli/import/import.h"
#include "sql/queries.h"

#include <string.h>

enum { HANDLER_NAME_MAX = 200 };

/* Is `task` the whole name, or its end behind a dot? */
static bool is_task(const char *name, const char *task, size_t length)
{
    size_t whole = strlen(name);
    return length <= whole && memcmp(name + whole - length, task, length) == 0 && (length == whole || name[whole - length - 1] == '.');
}

static bool check_map(const char *const *map, struct err *e)
{
    for (; map && *map; map++) {
        const char *equals = strchr(*map, '=');
        if (!equals || equals == *map || !equals[1])
            return err_set(e, ERR_USAGE, "--map: '%s' is not TASK=HANDLER", *map);
    }
    return true;
}

static void map_handler(struct import_row *row, const char *const *map)
{
    for (; map && *map; map++) {
        size_t length = strcspn(*map, "=");
        if (is_task(row->task, *map, length)) {
            row->handler = *map + length + 1;
            return;
        }
    }
}

static bool can_be_handler(const char *name)
{
    size_t length = 0;
    while (name[length] > ' ' && name[length] < 0x7F)
        length++;
    return length > 0 && length <= HANDLER_NAME_MAX && name[length] == '\0';
}

/* The handler would refuse them at each attempt of each tick. */
static bool check_args(const struct import_row *row, const struct handler *handler, struct err *e)
{
    if (!handler->fields)
        return true;
    struct region *memory = region_new();
    bool good = fields_read(handler->fields, row->args, region_alloc(memory, handler->args_size), memory, e);
    region_free(memory);
    return good;
}

/* Those of the handlers of rows that some worker has told of. */
static bool ask_workers(const struct import *in, struct pg *pg, struct pg_rows *told, struct err *e)
{
    const char **names = region_alloc(in->region, (in->count + 1) * sizeof *names);
    for (size_t i = 0; i < in->count; i++)
        names[i] = in->rows[i].handler;
    return pg_exec(pg, &sql_schedule_import_handlers, told, e, pg_texts(names, in->count));
}

static bool is_told(const struct pg_rows *told, const char *name)
{
    for (size_t i = 0; i < told->count; i++)
        if (strcmp(pg_get_text(told, i, 0), name) == 0)
            return true;
    return false;
}

static void choose(struct import *in, struct import_row *row, const struct import_choice *choice, const struct catalog *catalog,
                   const struct pg_rows *told)
{
    struct err e;
    const struct catalog_entry *entry = catalog_find(catalog, row->handler);
    bool known = entry || is_told(told, row->handler);
    if (!known)
        import_note(in, row, "there is no handler '%s' yet (see --map)", row->handler);
    if (entry && !check_args(row, entry->handler, &e)) {
        row->held = true;
        import_note(in, row, "%s: %s", row->handler, e.text);
    }
    row->enabled = (row->enabled || choice->enable) && (known || choice->as_is) && !row->held;
}

bool import_choose(struct import *in, const struct import_choice *choice, const struct catalog *catalog, struct pg *pg,
                   struct err *e)
{
    struct pg_rows told;
    if (!check_map(choice->map, e))
        return false;
    for (size_t i = 0; i < in->count; i++) {
        struct import_row *row = &in->rows[i];
        map_handler(row, choice->map);
        if (!row->problem && !can_be_handler(row->handler))
            row->problem = "its task's name cannot be a handler's (see --map)";
    }
    if (!ask_workers(in, pg, &told, e))
        return false;
    for (size_t i = 0; i < in->count; i++)
        if (!in->rows[i].problem)
            choose(in, &in->rows[i], choice, catalog, &told);
    return true;
}
