/* filter: a row an argument. */
#include "sandbox/pmp/filter.h"

#include "sandbox/pmp/document.h"
#include "sandbox/pmp/place.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "2025-06-01" or RFC 3339. A "+" of an offset that arrived as a blank is put right. */
static bool read_moment(const char *text, usec_t *at, struct err *e)
{
    char copy[CLOCK_TEXT_MAX + 8];
    if (strlen(text) > 33)
        return err_set(e, ERR_DATA, "'%.40s' is not a moment", text);
    snprintf(copy, sizeof copy, "%s%s", text, strlen(text) == 10 ? "T00:00:00Z" : "");
    if (strlen(copy) > 19 && copy[strlen(copy) - 6] == ' ')
        copy[strlen(copy) - 6] = '+';
    return clock_parse(copy, at, e);
}

bool filter_read(const struct request *r, struct filter *out, struct err *e)
{
    const char *after = request_arg(r, "updated_after"), *before = request_arg(r, "updated_before");
    *out = (struct filter){.request = r, .updated_after = INT64_MIN, .updated_before = INT64_MAX};
    return (!after || read_moment(after, &out->updated_after, e)) &&
           (!before || read_moment(before, &out->updated_before, e));
}

static bool is_text(const struct filter *f, const char *name, const char *value)
{
    const char *wanted = request_arg(f->request, name);
    return !wanted || strcmp(wanted, value) == 0;
}

static bool is_number(const struct filter *f, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return is_text(f, name, text);
}

static bool has_section(const struct filter *f, const struct document *doc)
{
    const char *wanted = request_arg(f->request, "section");
    bool found = !wanted;
    for (size_t i = 0; i < doc->sections_count; i++)
        found |= is_number(f, "section", doc->sections[i]);
    return found;
}

static bool takes_document(const struct filter *f, const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind,
                           const struct pmp_row *row)
{
    struct document doc;
    if (row->updated_at < f->updated_after || row->updated_at > f->updated_before)
        return false;
    document_read(p, c, kind, row, &doc);
    return is_text(f, "number", doc.number) && is_text(f, "status", doc.status) &&
           is_text(f, "document_type", doc.type) && is_number(f, "partner", doc.partner) &&
           is_number(f, "country_programme", doc.programme) && has_section(f, &doc);
}

static bool takes_location(const struct filter *f, const struct pmp_country *c, const struct pmp_row *row)
{
    struct place place;
    int64_t level = -1;
    if (row->loaded) {
        js_integer(js_get(row->loaded, "admin_level"), &level);
    } else {
        place_at(c, row->id, &place);
        level = place.level;
    }
    return is_number(f, "admin_level", level);
}

static bool is_missing(const struct pmp *p, const struct pmp_country *c, const struct pmp_row *row)
{
    const struct occasion o = {.workspace = c->business_area, .offset = -1, .id = row->id};
    return quirks_marks(p->quirks, QUIRK_MISSING_PARTNERS, &o);
}

bool filter_takes(const struct filter *f, const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind,
                  const struct pmp_row *row)
{
    if (row->removed || !is_number(f, "id", row->id))
        return false;
    switch (kind) {
    case PMP_DOCUMENTS:
    case PMP_GOVERNMENT:
        return takes_document(f, p, c, kind, row);
    case PMP_LOCATIONS:
        return takes_location(f, c, row);
    case PMP_PARTNERS:
        return !is_missing(p, c, row);
    case PMP_KINDS:
        break;
    }
    return true;
}
