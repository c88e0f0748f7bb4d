/* pmp: the routes. A list is a kind, a default limit and a direction; the rest is the same for all. */
#include "sandbox/pmp/pmp.h"

#include "sandbox/pmp/filter.h"
#include "sandbox/pmp/page.h"
#include "sandbox/pmp/row.h"
#include "sandbox/pmp/workspace.h"
#include "sandbox/write.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct list_of {
    const char *name; /* as the levers know it */
    int64_t limit;
    bool newest_first;
} lists[PMP_KINDS] = {
    [PMP_PARTNERS] = {"partners", 300, false},
    [PMP_DOCUMENTS] = {"documents", 100, true},
    [PMP_GOVERNMENT] = {"government", 100, true},
    [PMP_LOCATIONS] = {"locations", 100, false},
};

/* The country of the argument "workspace"; without one the answer is the real server's complaint. */
static struct pmp_country *need_country(const struct pmp *p, const struct request *r, struct answer *a)
{
    const char *workspace = request_arg(r, "workspace");
    struct pmp_country *c = workspace && *workspace ? pmp_country(p, workspace) : NULL;
    if (!workspace)
        answer_invalid(a, "Workspace is required as a queryparam");
    else if (!c)
        answer_invalid(a, "Workspace code provided is not a valid business_area_code: %s", workspace);
    return c;
}

static usec_t next_moment(const struct pmp *p)
{
    usec_t now = clock_now();
    return now > p->today ? now : p->today;
}

static int64_t add_newest(const struct pmp *p, struct pmp_country *c, enum pmp_kind kind)
{
    if (c->lists[kind].count >= PMP_ROWS_MAX)
        return 0;
    struct pmp_row *row = pmp_add_row(c, kind, pmp_last_id(c, kind) + 1);
    row->updated_at = next_moment(p);
    return row->id;
}

/* NULL when everything was removed. */
static struct pmp_row *newest(const struct pmp_country *c, enum pmp_kind kind)
{
    const struct pmp_list *list = &c->lists[kind];
    for (size_t i = list->count; i-- > 0;)
        if (!list->rows[i].removed)
            return &list->rows[i];
    return NULL;
}

static void touch_row(const struct pmp *p, struct pmp_row *row)
{
    row->changes++;
    row->updated_at = next_moment(p);
}

/* The window moves between two reads of the same listing, so a first page is left alone. */
static void shift_window(struct pmp *p, struct pmp_country *c, enum pmp_kind kind, const struct request *r,
                         const struct page *page)
{
    const struct occasion o = {.workspace = c->business_area, .path = r->below, .offset = page->offset, .id = -1};
    if (page->offset == 0 || !lists[kind].newest_first)
        return;
    if (!c->loaded && quirks_fire(p->quirks, QUIRK_INSERTED_ROWS, &o))
        add_newest(p, c, kind);
    struct pmp_row *row = newest(c, kind);
    if (row && quirks_fire(p->quirks, QUIRK_TOUCHED_ROWS, &o))
        touch_row(p, row);
    if (row && quirks_fire(p->quirks, QUIRK_REMOVED_ROWS, &o))
        row->removed = true;
}

/* Where in the list the rows stand that the filter takes, in the order in which they are served; to be freed. */
static size_t *choose(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind, const struct filter *f,
                      size_t *count)
{
    const struct pmp_list *list = &c->lists[kind];
    size_t *chosen = mem_alloc(list->count * sizeof *chosen);
    *count = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t at = lists[kind].newest_first ? list->count - 1 - i : i;
        if (filter_takes(f, p, c, kind, &list->rows[at]))
            chosen[(*count)++] = at;
    }
    return chosen;
}

static void write_page(struct pmp *p, const struct pmp_country *c, enum pmp_kind kind, const struct request *r,
                       const struct filter *f, struct answer *a)
{
    size_t count;
    size_t *chosen = choose(p, c, kind, f, &count);
    struct page page = page_read(r, lists[kind].limit, (int64_t)count);
    const struct occasion o = {.workspace = c->business_area, .path = r->below, .offset = page.offset, .id = -1};
    int64_t first = page.offset > 0 && quirks_fire(p->quirks, QUIRK_REPEATED_ROWS, &o) ? page.offset - 1 : page.offset;
    page_open(&page, r, &a->body);
    for (int64_t i = first; i < page.offset + page.limit && i < page.count; i++)
        row_write(p, c, kind, &c->lists[kind].rows[chosen[i]], &a->body);
    page_close(&a->body);
    free(chosen);
}

static void serve_list(struct pmp *p, enum pmp_kind kind, const struct request *r, struct answer *a)
{
    struct err e = {0};
    struct filter filter;
    struct pmp_country *c = need_country(p, r, a);
    if (!c)
        return;
    if (!filter_read(r, &filter, &e)) {
        answer_invalid(a, "%s", e.text);
        return;
    }
    struct page asked = page_read(r, lists[kind].limit, 0);
    shift_window(p, c, kind, r, &asked);
    write_page(p, c, kind, r, &filter, a);
}

static void list_workspaces(void *state, const struct request *r, struct answer *a)
{
    (void)r;
    workspaces_write(state, &a->body);
}

static void list_partners(void *state, const struct request *r, struct answer *a)
{
    serve_list(state, PMP_PARTNERS, r, a);
}

static void list_documents(void *state, const struct request *r, struct answer *a)
{
    serve_list(state, PMP_DOCUMENTS, r, a);
}

static void list_government(void *state, const struct request *r, struct answer *a)
{
    serve_list(state, PMP_GOVERNMENT, r, a);
}

static void list_locations(void *state, const struct request *r, struct answer *a)
{
    serve_list(state, PMP_LOCATIONS, r, a);
}

static void serve_file(struct pmp *p, enum pmp_kind kind, const struct request *r, struct answer *a)
{
    const struct pmp_country *c = need_country(p, r, a);
    const struct pmp_row *row = c ? pmp_row(c, kind, r->id) : NULL;
    if (c && (!row || row->removed)) {
        answer_detail(a, 404, "Not found.");
    } else if (c) {
        write_open(&a->body, NULL, '{');
        write_textf(&a->body, "signed_pd_document_file", "http://%s/media/%s/%s/%" PRId64 ".pdf", r->host,
                    c->business_area, lists[kind].name, r->id);
        write_close(&a->body, '}');
    }
}

static void document_file(void *state, const struct request *r, struct answer *a)
{
    serve_file(state, PMP_DOCUMENTS, r, a);
}

static void government_file(void *state, const struct request *r, struct answer *a)
{
    serve_file(state, PMP_GOVERNMENT, r, a);
}

/* The list the argument "kind" names; documents when there is none. */
static bool read_kind(const struct request *r, enum pmp_kind *kind, struct answer *a)
{
    const char *name = request_arg(r, "kind");
    for (size_t i = 0; i < PMP_KINDS; i++) {
        if (strcmp(name ? name : lists[PMP_DOCUMENTS].name, lists[i].name) != 0)
            continue;
        *kind = (enum pmp_kind)i;
        return true;
    }
    answer_invalid(a, "there is no kind '%s'", name);
    return false;
}

static struct pmp_row *need_row(const struct pmp *p, const struct request *r, struct answer *a)
{
    enum pmp_kind kind;
    const char *id = request_arg(r, "id");
    const struct pmp_country *c = need_country(p, r, a);
    if (!c || !read_kind(r, &kind, a))
        return NULL;
    struct pmp_row *row = pmp_row(c, kind, id ? strtoll(id, NULL, 10) : -1);
    if (!row)
        answer_detail(a, 404, "Not found.");
    return row;
}

static void answer_id(struct answer *a, int64_t id)
{
    write_open(&a->body, NULL, '{');
    write_int(&a->body, "id", id);
    write_close(&a->body, '}');
}

static void touch(void *state, const struct request *r, struct answer *a)
{
    const struct pmp *p = state;
    struct pmp_row *row = need_row(p, r, a);
    if (!row)
        return;
    touch_row(p, row);
    answer_id(a, row->id);
}

static void take_away(void *state, const struct request *r, struct answer *a)
{
    struct pmp_row *row = need_row(state, r, a);
    if (!row)
        return;
    row->removed = true;
    answer_id(a, row->id);
}

static void bring_back(void *state, const struct request *r, struct answer *a)
{
    struct pmp_row *row = need_row(state, r, a);
    if (!row)
        return;
    row->removed = false;
    answer_id(a, row->id);
}

static void add(void *state, const struct request *r, struct answer *a)
{
    const struct pmp *p = state;
    enum pmp_kind kind;
    struct pmp_country *c = need_country(p, r, a);
    if (!c || !read_kind(r, &kind, a))
        return;
    int64_t id = c->loaded || kind == PMP_LOCATIONS ? 0 : add_newest(p, c, kind);
    if (id == 0)
        answer_invalid(a, "nothing can be added to %s of %s", lists[kind].name, c->business_area);
    else
        answer_id(a, id);
}

static int64_t listed(const struct pmp_list *list)
{
    int64_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += !list->rows[i].removed;
    return count;
}

static void count_all(void *state, const struct request *r, struct answer *a)
{
    const struct pmp *p = state;
    (void)r;
    write_open(&a->body, NULL, '{');
    for (size_t i = 0; i < p->countries_count; i++) {
        write_open(&a->body, p->countries[i].business_area, '{');
        for (size_t k = 0; k < PMP_KINDS; k++)
            write_int(&a->body, lists[k].name, listed(&p->countries[i].lists[k]));
        write_close(&a->body, '}');
    }
    write_close(&a->body, '}');
}

const struct route pmp_routes[] = {
    {"GET", "/v2/workspaces/", list_workspaces},
    {"GET", "/prp/v1/partners/", list_partners},
    {"GET", "/prp/v1/interventions/", list_documents},
    {"GET", "/prp/v1/get_pd_document/<id>/", document_file},
    {"GET", "/gdd/prp-gdds/", list_government},
    {"GET", "/gdd/prp-get-gpd-document/<id>/", government_file},
    {"GET", "/prp-locations/", list_locations},
    {"GET", "/_sandbox/counts", count_all},
    {"POST", "/_sandbox/touch", touch},
    {"POST", "/_sandbox/remove", take_away},
    {"POST", "/_sandbox/restore", bring_back},
    {"POST", "/_sandbox/add", add},
    {0},
};

void pmp_reset(void *state)
{
    pmp_restore(state);
}
