/* dhis2: the routes. Lists are paged unless paging=false, sorted by name unless order=id:asc. */
#include "sandbox/dhis2/dhis2.h"

#include "common/base/json_build.h"
#include "sandbox/write.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PAGE_DEFAULT = 50, PAGE_MAX = 10000, NAME_ROOM = 192 };

struct page {
    int64_t number, size, total;
};

static const struct dhis2 *sorting; /* the world that qsort() looks at; requests come one at a time */

static int by_name(const void *a, const void *b)
{
    char x[NAME_ROOM], y[NAME_ROOM];
    dhis2_unit_name(sorting, *(const int64_t *)a, x, sizeof x);
    dhis2_unit_name(sorting, *(const int64_t *)b, y, sizeof y);
    int order = strcmp(x, y);
    return order ? order : (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static int by_uid(const void *a, const void *b)
{
    char x[DHIS2_UID_MAX], y[DHIS2_UID_MAX];
    dhis2_unit_uid(sorting, *(const int64_t *)a, x);
    dhis2_unit_uid(sorting, *(const int64_t *)b, y);
    return strcmp(x, y);
}

static int64_t number_arg(const struct request *r, const char *name, int64_t fallback, int64_t most)
{
    const char *text = request_arg(r, name);
    int64_t value = text ? strtoll(text, NULL, 10) : fallback;
    return value < 1 ? fallback : value > most ? most : value;
}

static bool is_arg(const struct request *r, const char *name, const char *value)
{
    const char *text = request_arg(r, name);
    return text && strcasecmp(text, value) == 0;
}

static void write_pager(const struct page *page, const struct request *r, struct text *out)
{
    char number[32];
    struct text link = {0};
    int64_t count = (page->total + page->size - 1) / page->size;
    write_open(out, "pager", '{');
    write_int(out, "page", page->number);
    write_int(out, "pageCount", count > 0 ? count : 1);
    write_int(out, "total", page->total);
    write_int(out, "pageSize", page->size);
    if (page->number < count) {
        snprintf(number, sizeof number, "%" PRId64, page->number + 1);
        request_link(r, &(struct pair){"page", number}, 1, &link);
        write_text(out, "nextPage", text_str(&link));
    }
    write_close(out, '}');
    text_free(&link);
}

/* The numbers that are listed, in the order asked for. */
static int64_t choose(const struct dhis2 *d, const struct request *r, int64_t *chosen)
{
    int64_t count = 0;
    for (int64_t i = 0; i < d->count; i++)
        if (!d->removed[d->order[i]])
            chosen[count++] = d->order[i];
    sorting = d;
    if (is_arg(r, "order", "id:asc"))
        qsort(chosen, (size_t)count, sizeof *chosen, by_uid);
    return count;
}

/* "orgunits_page2.json", or the whole list in one. */
static bool serve_saved_page(const struct dhis2 *d, const struct request *r, struct answer *a)
{
    char name[64];
    if (!d->data)
        return false;
    snprintf(name, sizeof name, "orgunits_page%" PRId64 ".json", number_arg(r, "page", 1, PAGE_MAX));
    return dhis2_serve_saved(d, name, 0, a) || dhis2_serve_saved(d, "orgunits.json", 0, a);
}

static void list_units(void *state, const struct request *r, struct answer *a)
{
    const struct dhis2 *d = state;
    const char *fields = request_arg(r, "fields");
    if (serve_saved_page(d, r, a))
        return;
    if (request_arg(r, "filter")) {
        dhis2_write_by_id(d, "organisationUnits", request_arg(r, "filter"), a);
        return;
    }
    bool paged = !is_arg(r, "paging", "false");
    int64_t *chosen = mem_alloc((size_t)d->count * sizeof *chosen), count = choose(d, r, chosen);
    struct page page = {1, count, count};
    if (paged)
        page = (struct page){number_arg(r, "page", 1, INT32_MAX), number_arg(r, "pageSize", PAGE_DEFAULT, PAGE_MAX), count};
    const struct occasion o = {.path = r->below, .offset = page.number, .id = -1};
    int64_t shift = page.number > 1 && quirks_fire(d->quirks, QUIRK_OVERLAPPING_PAGES, &o) ? 1 : 0;
    write_open(&a->body, NULL, '{');
    if (paged)
        write_pager(&page, r, &a->body);
    write_open(&a->body, "organisationUnits", '[');
    for (int64_t i = (page.number - 1) * page.size - shift; i < page.number * page.size - shift && i < count; i++)
        dhis2_write_unit(d, chosen[i], fields ? fields : "id", &a->body);
    write_close(&a->body, ']');
    write_close(&a->body, '}');
    free(chosen);
}

static void list_levels(void *state, const struct request *r, struct answer *a)
{
    const struct dhis2 *d = state;
    if (dhis2_serve_saved(d, "Levels.json", 0, a))
        return;
    int count = DHIS2_LEVELS - (d->quirks->rules[QUIRK_UNNAMED_LEVEL].on ? 1 : 0);
    write_open(&a->body, NULL, '{');
    if (!is_arg(r, "paging", "false"))
        write_pager(&(struct page){1, PAGE_DEFAULT, count}, r, &a->body);
    write_open(&a->body, "organisationUnitLevels", '[');
    for (int level = count; level-- > 0;)
        dhis2_write_level(d, level, &a->body);
    write_close(&a->body, ']');
    write_close(&a->body, '}');
}

static void list_sets(void *state, const struct request *r, struct answer *a)
{
    const struct dhis2 *d = state;
    if (dhis2_serve_saved(d, "groupsets.json", 0, a))
        return;
    write_open(&a->body, NULL, '{');
    if (!is_arg(r, "paging", "false"))
        write_pager(&(struct page){1, PAGE_DEFAULT, DHIS2_SETS}, r, &a->body);
    write_open(&a->body, "organisationUnitGroupSets", '[');
    for (int set = 0; set < DHIS2_SETS; set++)
        dhis2_write_set(d, set, &a->body);
    write_close(&a->body, ']');
    write_close(&a->body, '}');
}

/* Levers ---------------------------------------------------------------------------------------------- */

static int64_t need_number(const struct dhis2 *d, const struct request *r, struct answer *a)
{
    const char *text = request_arg(r, "id");
    int64_t number = text ? strtoll(text, NULL, 10) : -1;
    if (number >= 0 && number < d->count)
        return number;
    answer_detail(a, 404, "Not found.");
    return -1;
}

static void answer_unit(const struct dhis2 *d, int64_t number, struct answer *a)
{
    dhis2_write_unit(d, number, "id,name", &a->body);
}

static void touch(void *state, const struct request *r, struct answer *a)
{
    const struct dhis2 *d = state;
    int64_t number = need_number(d, r, a);
    if (number < 0)
        return;
    d->changes[number]++;
    answer_unit(d, number, a);
}

static void take_away(void *state, const struct request *r, struct answer *a)
{
    const struct dhis2 *d = state;
    int64_t number = need_number(d, r, a);
    if (number < 0)
        return;
    d->removed[number] = true;
    answer_unit(d, number, a);
}

static void bring_back(void *state, const struct request *r, struct answer *a)
{
    const struct dhis2 *d = state;
    int64_t number = need_number(d, r, a);
    if (number < 0)
        return;
    d->removed[number] = false;
    answer_unit(d, number, a);
}

const struct route dhis2_routes[] = {
    {"GET", "/api/organisationUnits.json", list_units},
    {"GET", "/api/organisationUnits", list_units},
    {"GET", "/api/organisationUnitLevels", list_levels},
    {"GET", "/api/organisationUnitLevels.json", list_levels},
    {"GET", "/api/organisationUnitGroupSets", list_sets},
    {"GET", "/api/organisationUnitGroupSets.json", list_sets},
    {"GET", "/api/organisationUnitGroups", dhis2_list_groups},
    {"GET", "/api/organisationUnitGroups.json", dhis2_list_groups},
    {"POST", "/api/organisationUnitGroups", dhis2_take_group},
    {"PUT", "/api/organisationUnitGroups/<word>", dhis2_take_group},
    {"POST", "/api/metadata", dhis2_take_metadata},
    {"POST", "/api/dataValueSets", dhis2_take_values},
    {"GET", "/_sandbox/sent", dhis2_show_sent},
    {"POST", "/_sandbox/touch", touch},
    {"POST", "/_sandbox/remove", take_away},
    {"POST", "/_sandbox/restore", bring_back},
    {0},
};

void dhis2_open(struct dhis2 *d)
{
    d->count = dhis2_level_start(d, DHIS2_LEVELS);
    size_t count = (size_t)d->count;
    d->sent = js_new_object();
    d->changes = mem_zero(count, sizeof *d->changes);
    d->removed = mem_zero(count, sizeof *d->removed);
    d->order = mem_alloc(count * sizeof *d->order);
    for (int64_t i = 0; i < d->count; i++)
        d->order[i] = i;
    sorting = d;
    qsort(d->order, count, sizeof *d->order, by_name);
}

void dhis2_close(struct dhis2 *d)
{
    free(d->changes);
    free(d->removed);
    free(d->order);
    js_free(d->sent);
}

void dhis2_reset(void *state)
{
    struct dhis2 *d = state;
    js_free(d->sent);
    d->sent = js_new_object();
    d->answers = 0;
    memset(d->changes, 0, (size_t)d->count * sizeof *d->changes);
    memset(d->removed, 0, (size_t)d->count * sizeof *d->removed);
}
