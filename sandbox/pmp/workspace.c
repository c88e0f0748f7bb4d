/* workspace: a row a country, and the odd ones that are none. */
#include "sandbox/pmp/workspace.h"

#include "sandbox/write.h"
#include <inttypes.h>

enum { ZOOM = 8, ODD_FIRST_ID = 900 };

static void write_degrees(const char *key, int64_t micro, struct text *out)
{
    int64_t size = micro < 0 ? -micro : micro;
    write_textf(out, key, "%s%" PRId64 ".%06" PRId64, micro < 0 ? "-" : "", size / 1000000, size % 1000000);
}

static void write_country(const struct pmp_country *c, struct text *out)
{
    if (c->loaded_workspace) {
        write_node(out, NULL, c->loaded_workspace);
        return;
    }
    write_open(out, NULL, '{');
    write_int(out, "id", c->id);
    write_text(out, "name", c->name);
    if (c->loaded) {
        write_null(out, "latitude");
        write_null(out, "longitude");
    } else {
        write_degrees("latitude", c->latitude, out);
        write_degrees("longitude", c->longitude, out);
    }
    write_int(out, "initial_zoom", ZOOM);
    write_text(out, "local_currency_code", *c->currency ? c->currency : NULL);
    write_text(out, "business_area_code", c->business_area);
    write_text(out, "country_short_code", c->short_code);
    write_text(out, "iso3_code", *c->iso3 ? c->iso3 : NULL);
    write_close(out, '}');
}

static const struct odd {
    const char *name, *business_area, *short_code;
} odd[] = {{"Global", "0", NULL},
           {"Regional office", "234R", "ROXX"},
           {"New office", "9990", NULL},
           {"Test office", "9991", ""}};

static void write_odd(const struct odd *w, int64_t id, struct text *out)
{
    write_open(out, NULL, '{');
    write_int(out, "id", id);
    write_text(out, "name", w->name);
    write_null(out, "latitude");
    write_null(out, "longitude");
    write_null(out, "initial_zoom");
    write_null(out, "local_currency_code");
    write_text(out, "business_area_code", w->business_area);
    write_text(out, "country_short_code", w->short_code);
    write_null(out, "iso3_code");
    write_close(out, '}');
}

void workspaces_write(const struct pmp *p, struct text *out)
{
    write_open(out, NULL, '[');
    for (size_t i = 0; i < p->countries_count; i++)
        write_country(&p->countries[i], out);
    if (!p->data && p->quirks->rules[QUIRK_ODD_WORKSPACES].on)
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
            write_odd(&odd[i], ODD_FIRST_ID + (int64_t)i, out);
    write_close(out, ']');
}
