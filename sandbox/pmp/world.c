/* world: lists sorted by id, searched by halving. */
#include "sandbox/pmp/world.h"

#include "sandbox/dice.h"
#include <stdlib.h>
#include <string.h>

static void mark_start(struct pmp_list *list)
{
    list->at_start = list->count;
    for (size_t i = 0; i < list->count; i++)
        list->rows[i].first_updated_at = list->rows[i].updated_at;
}

bool pmp_open(struct pmp *p, struct err *e)
{
    p->countries = mem_zero(PMP_COUNTRIES_MAX, sizeof *p->countries);
    if (!p->data)
        pmp_generate(p);
    else if (!pmp_load(p, e))
        return false;
    for (size_t i = 0; i < p->countries_count; i++)
        for (size_t k = 0; k < PMP_KINDS; k++)
            mark_start(&p->countries[i].lists[k]);
    return true;
}

static void restore_list(struct pmp_list *list)
{
    list->count = list->at_start;
    for (size_t i = 0; i < list->count; i++) {
        struct pmp_row *row = &list->rows[i];
        row->changes = 0;
        row->removed = false;
        row->updated_at = row->first_updated_at;
    }
}

void pmp_restore(struct pmp *p)
{
    for (size_t i = 0; i < p->countries_count; i++)
        for (size_t k = 0; k < PMP_KINDS; k++)
            restore_list(&p->countries[i].lists[k]);
}

void pmp_close(struct pmp *p)
{
    for (size_t i = 0; i < p->countries_count; i++)
        for (size_t k = 0; k < PMP_KINDS; k++)
            free(p->countries[i].lists[k].rows);
    for (size_t i = 0; i < p->files_count; i++)
        js_free(p->files[i]);
    free(p->countries);
    p->countries = NULL;
    p->countries_count = p->files_count = 0;
}

struct pmp_country *pmp_add_country(struct pmp *p)
{
    if (p->countries_count == PMP_COUNTRIES_MAX)
        return NULL;
    struct pmp_country *c = &p->countries[p->countries_count++];
    c->id = (int64_t)p->countries_count;
    return c;
}

struct pmp_country *pmp_country(const struct pmp *p, const char *business_area)
{
    for (size_t i = 0; i < p->countries_count; i++)
        if (strcmp(p->countries[i].business_area, business_area) == 0)
            return &p->countries[i];
    return NULL;
}

/* The index of the first row whose id is not smaller. */
static size_t lower_bound(const struct pmp_list *list, int64_t id)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct pmp_row *pmp_row(const struct pmp_country *c, enum pmp_kind kind, int64_t id)
{
    const struct pmp_list *list = &c->lists[kind];
    size_t at = lower_bound(list, id);
    return at < list->count && list->rows[at].id == id ? &list->rows[at] : NULL;
}

struct pmp_row *pmp_add_row(struct pmp_country *c, enum pmp_kind kind, int64_t id)
{
    struct pmp_list *list = &c->lists[kind];
    size_t at = lower_bound(list, id);
    if (at < list->count && list->rows[at].id == id)
        return &list->rows[at];
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 16;
        list->rows = mem_grow(list->rows, list->room * sizeof *list->rows);
    }
    memmove(&list->rows[at + 1], &list->rows[at], (list->count - at) * sizeof *list->rows);
    list->rows[at] = (struct pmp_row){.id = id};
    list->count++;
    return &list->rows[at];
}

int64_t pmp_last_id(const struct pmp_country *c, enum pmp_kind kind)
{
    const struct pmp_list *list = &c->lists[kind];
    return list->count ? list->rows[list->count - 1].id : 0;
}

uint64_t pmp_hash(const struct pmp_country *c, const char *what, int64_t id)
{
    return dice_hash(c->hash, dice_hash_text(0, what), (uint64_t)id, 0);
}
