/* lists: what a person picks from before an import, in the result of the task: the plans of a country, the projects of a plan. */
#include "tasks/ocha/ocha.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 50000 };

struct args {
    const char *country, *upstream;
    int64_t plan_id;
};

struct entry {
    const char *id, *name;
};

static int compare(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    int names = strcmp(one->name, other->name);
    return names ? names : strcmp(one->id, other->id);
}

/* A plan has its name in its version, a project its own. What has no id or no name cannot be picked. */
static bool read_entry(struct ocha_run *run, const struct js *record, struct entry *entry)
{
    char id[OCHA_ID_MAX];
    const char *version = js_text(js_get(js_get(record, "planVersion"), "name")), *name = version ? version : js_text(js_get(record, "name"));
    if (!*ocha_id(js_get(record, "id"), id) || !name)
        return false;
    *entry = (struct entry){region_strdup(task_region(run->task), id), region_strdup(task_region(run->task), name)};
    return true;
}

/* [{"id": "474", "name": "…"}, …] by name. */
static bool tell(struct ocha_run *run, struct entry *entries, size_t count, struct err *e)
{
    struct text list CLEANUP(text_free) = {0};
    qsort(entries, count, sizeof *entries, compare);
    text_putc(&list, '[');
    for (size_t i = 0; i < count; i++) {
        text_puts(&list, i ? ",{\"id\":" : "{\"id\":");
        text_json_text(&list, entries[i].id);
        text_puts(&list, ",\"name\":");
        text_json_text(&list, entries[i].name);
        text_putc(&list, '}');
    }
    text_putc(&list, ']');
    return task_result(run->task, text_str(&list), e);
}

/* Nothing is written, so that any number of them may run at once, each with an answer of its own. */
static bool list(struct task *task, const char *upstream, const char *target, struct err *e)
{
    size_t count = 0;
    struct record record;
    const struct http_options options = {.pace = OCHA_PACE};
    struct http *http CLEANUP(http_closep) = http_open(task, upstream, &options, e);
    struct ocha_run *run = task_alloc(task, sizeof *run);
    run->task = task;
    run->http = http;
    struct records *answer CLEANUP(records_freep) = http ? ocha_ask(run, target, "data", e) : NULL;
    if (!answer)
        return false;
    if (records_count(answer) > LIST_MAX)
        return err_set(e, ERR_LIMIT, "a list of more than %d", LIST_MAX);
    struct entry *entries = task_alloc(task, ((size_t)records_count(answer) + 1) * sizeof *entries);
    while (records_next(answer, &record))
        if (read_entry(run, record.json, &entries[count]))
            count++;
        else
            task_log(task, LOG_WARNING, "item %" PRId64 ": without an id or a name, left out", record.index);
    return records_end(answer, e) && tell(run, entries, count, e);
}

static bool list_plans(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    struct text target CLEANUP(text_free) = {0};
    text_puts(&target, "/v1/public/plan/country/");
    http_escape(&target, args->country);
    return list(task, args->upstream, text_str(&target), e);
}

static bool list_projects(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    const char *target = region_printf(task_region(task), "/v1/public/project/plan/%" PRId64, args->plan_id);
    return list(task, args->upstream, target, e);
}

static const struct field plan_fields[] = {
    STR_FIELD(struct args, country, .required = true, .min = 2, .max = 3, .help = "the country's three letters"),
    STR_FIELD(struct args, upstream, .fallback = "ocha", .help = "the upstream to ask"),
    {0},
};

static const struct field project_fields[] = {
    I64_FIELD(struct args, plan_id, .required = true, .min = 1, .max = INT32_MAX, .help = "id of the plan in HPC"),
    STR_FIELD(struct args, upstream, .fallback = "ocha", .help = "the upstream to ask"),
    {0},
};

const struct handler handler_ocha_plans = {
    .name = "ocha.plans",
    .summary = "List the response plans of a country, to pick from",
    .queue = "sync",
    .fields = plan_fields,
    .args_size = sizeof(struct args),
    .run = list_plans,
    .retry = {.max = 2, .first = SECONDS(5), .cap = MINUTES(1)},
};

const struct handler handler_ocha_projects = {
    .name = "ocha.projects",
    .summary = "List the projects of a response plan, to pick from",
    .queue = "sync",
    .fields = project_fields,
    .args_size = sizeof(struct args),
    .run = list_projects,
    .retry = {.max = 2, .first = SECONDS(5), .cap = MINUTES(1)},
};
