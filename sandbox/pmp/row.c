/* row: who writes which kind, and the ways in which a row goes bad. Everything bad is a changed member of a good row.
 */
#include "sandbox/pmp/row.h"

#include "sandbox/pmp/change.h"
#include "sandbox/pmp/document.h"
#include "sandbox/pmp/partner.h"
#include "sandbox/pmp/place.h"
#include "sandbox/write.h"
#include <assert.h>
#include <inttypes.h>

static const struct change bad_document[] = {
    {"start_date", "\"31/02/2025\""}, {"unicef_budget_cash", "\"a lot\""},
    {"expected_results", "\"none\""}, {"partner_org", "[]"},
    {"end_date", "20251231"},
};

static const struct change bad_partner[] = {
    {"last_assessment_date", "\"yesterday\""},
    {"total_ct_cp", "{}"},
    {"psea_assessment_date", "5"},
    {"name", "[\"a\",\"b\"]"},
};

enum {
    BAD_DOCUMENTS = sizeof bad_document / sizeof *bad_document,
    BAD_PARTNERS = sizeof bad_partner / sizeof *bad_partner,
    LONG_TEXT = 700
};

static void write_generated(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind,
                            const struct pmp_row *row, struct text *out)
{
    switch (kind) {
    case PMP_PARTNERS:
        partner_write(p, c, row->id, NULL, out);
        break;
    case PMP_DOCUMENTS:
    case PMP_GOVERNMENT:
        document_write(p, c, kind, row, out);
        break;
    case PMP_LOCATIONS:
        place_write(p, c, row, out);
        break;
    case PMP_KINDS:
        break;
    }
}

static const char *text_member(const struct js *object, const char *key)
{
    const char *text = js_text(js_get(object, key));
    return text ? text : "";
}

/* A loaded row that was touched says so in its title or name, and documents in update_date too. */
static size_t touch_changes(enum pmp_kind kind, const struct pmp_row *row, struct text *title, struct text *moment,
                            struct change *out)
{
    bool document = kind == PMP_DOCUMENTS || kind == PMP_GOVERNMENT;
    const char *key = document ? "title" : "name";
    if (row->changes == 0 || !row->loaded)
        return 0;
    write_textf(title, NULL, "%s (change %" PRId64 ")", text_member(row->loaded, key), row->changes);
    write_moment(moment, NULL, row->updated_at);
    out[0] = (struct change){key, text_str(title)};
    out[1] = (struct change){"update_date", text_str(moment)};
    return document ? 2 : 1;
}

/* A location that a document mentioned lacks what only the list of locations has. */
static size_t location_changes(enum pmp_kind kind, const struct pmp_row *row, struct text *parent, struct change *out)
{
    if (kind != PMP_LOCATIONS || !row->loaded || js_get(row->loaded, "geom"))
        return 0;
    js_write(parent, js_get(row->loaded, "parent_pcode"));
    out[0] = (struct change){"parent_p_code", text_str(parent)};
    out[1] = (struct change){"geom", "null"};
    out[2] = (struct change){"point", "null"};
    return 3;
}

/* Which of the bad ways is the row's own business: it stays the same from request to request. */
static size_t bad_changes(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind,
                          const struct pmp_row *row, struct change *out)
{
    const struct occasion o = {.workspace = c->business_area, .offset = -1, .id = row->id};
    bool document = kind == PMP_DOCUMENTS || kind == PMP_GOVERNMENT;
    if (document && quirks_marks(p->quirks, QUIRK_BAD_DOCUMENTS, &o))
        *out = bad_document[pmp_hash(c, "bad", row->id) % BAD_DOCUMENTS];
    else if (kind == PMP_PARTNERS && quirks_marks(p->quirks, QUIRK_BAD_PARTNERS, &o))
        *out = bad_partner[pmp_hash(c, "bad", row->id) % BAD_PARTNERS];
    else
        return 0;
    return 1;
}

static size_t long_changes(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind,
                           const struct pmp_row *row, struct text *title, struct change *out)
{
    const struct occasion o = {.workspace = c->business_area, .offset = -1, .id = row->id};
    if ((kind != PMP_DOCUMENTS && kind != PMP_GOVERNMENT) || !quirks_marks(p->quirks, QUIRK_LONG_TEXTS, &o))
        return 0;
    text_reset(title);
    text_puts(title, "\"A very long title");
    while (title->len < LONG_TEXT)
        text_puts(title, " with é and more");
    text_putc(title, '"');
    *out = (struct change){"title", text_str(title)};
    return 1;
}

static void write_changed(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind,
                          const struct pmp_row *row, const struct change *changes, size_t count, struct text *out)
{
    struct err e = {0};
    struct text plain = {0};
    struct js *parsed = NULL;
    if (!row->loaded) {
        write_generated(p, c, kind, row, &plain);
        parsed = js_parse(plain.data, plain.len, &e);
        assert(parsed);
    }
    change_write(row->loaded ? row->loaded : parsed, changes, count, out);
    js_free(parsed);
    text_free(&plain);
}

void row_write(const struct pmp *p, const struct pmp_country *c, enum pmp_kind kind, const struct pmp_row *row,
               struct text *out)
{
    struct change changes[CHANGES_MAX];
    struct text title = {0}, moment = {0}, parent = {0};
    size_t count = long_changes(p, c, kind, row, &title, changes);
    if (count == 0)
        count = touch_changes(kind, row, &title, &moment, changes);
    count += location_changes(kind, row, &parent, changes + count);
    count += bad_changes(p, c, kind, row, changes + count);
    if (count > 0)
        write_changed(p, c, kind, row, changes, count, out);
    else if (row->loaded)
        write_node(out, NULL, row->loaded);
    else
        write_generated(p, c, kind, row, out);
    text_free(&title);
    text_free(&moment);
    text_free(&parent);
}
