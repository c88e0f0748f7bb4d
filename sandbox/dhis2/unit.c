/* unit: country, districts, chiefdoms, facilities. */
#include "sandbox/dhis2/dhis2.h"

#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/write.h"
#include <stdio.h>
#include <string.h>

static const char *const level_names[DHIS2_LEVELS] = {"National", "District", "Chiefdom", "Facility"};

/* Children of a unit of each level, small and full. */
static const int below[2][DHIS2_LEVELS] = {{4, 3, 5, 0}, {13, 12, 40, 0}};

static const struct {
    const char *name;
    int set;
} groups[DHIS2_GROUPS] = {{"Hospital", 0}, {"Clinic", 0}, {"CHP", 0},   {"MCHP", 0},
                          {"Public", 1},   {"NGO", 1},    {"Mission", 1}, {"Private", 1}};

static const char *const set_names[DHIS2_SETS] = {"Facility Type", "Facility Ownership"};

static void write_uid(uint64_t hash, char out[static DHIS2_UID_MAX])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct dice dice = dice_new(hash);
    out[0] = letters[dice_roll(&dice, 52)];
    for (int i = 1; i < DHIS2_UID_MAX - 1; i++)
        out[i] = letters[dice_roll(&dice, 62)];
    out[DHIS2_UID_MAX - 1] = '\0';
}

static uint64_t unit_hash(const struct dhis2 *d, const char *what, int64_t number)
{
    return dice_hash(d->seed, dice_hash_text(0, what), (uint64_t)number, 0);
}

int64_t dhis2_level_start(const struct dhis2 *d, int level)
{
    int64_t start = 0, width = 1;
    for (int i = 0; i < level; i++) {
        start += width;
        width *= below[d->full][i];
    }
    return start;
}

static int level_of(const struct dhis2 *d, int64_t number)
{
    int level = DHIS2_LEVELS - 1;
    while (number < dhis2_level_start(d, level))
        level--;
    return level;
}

static int64_t parent_of(const struct dhis2 *d, int64_t number, int level)
{
    return dhis2_level_start(d, level - 1) + (number - dhis2_level_start(d, level)) / below[d->full][level - 1];
}

void dhis2_unit_uid(const struct dhis2 *d, int64_t number, char out[static DHIS2_UID_MAX])
{
    write_uid(unit_hash(d, "unit", number), out);
}

int64_t dhis2_unit_number(const struct dhis2 *d, const char *uid)
{
    char own[DHIS2_UID_MAX];
    for (int64_t number = 0; number < d->count; number++) {
        dhis2_unit_uid(d, number, own);
        if (strcmp(own, uid) == 0)
            return number;
    }
    return -1;
}

void dhis2_unit_name(const struct dhis2 *d, int64_t number, char *out, size_t room)
{
    char place[NAME_MAX_LENGTH], changed[16] = "";
    name_place(unit_hash(d, "name", number), place, sizeof place);
    if (d->changes[number] > 0)
        snprintf(changed, sizeof changed, " %d", d->changes[number]);
    bool blank = quirks_chance(d->quirks, QUIRK_BLANK_NAMES, NULL, unit_hash(d, "blank", number));
    const char *level = number > 0 ? level_names[level_of(d, number)] : "";
    snprintf(out, room, "%s%.60s%s%s%s%s", blank ? " " : "", place, *level ? " " : "", level, changed,
             blank ? "  " : "");
}

/* Is `name` one of the comma-separated names? What stands in brackets belongs to the name before. */
static bool wanted(const char *fields, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = fields; at && *at; at = strpbrk(at, ",[")) {
        if (*at == '[')
            at = strchr(at, ']') ? strchr(at, ']') + 1 : at + strlen(at);
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && strchr(",[", at[length]))
            return true;
    }
    return false;
}

static void write_path(const struct dhis2 *d, int64_t number, struct text *out)
{
    int64_t chain[DHIS2_LEVELS];
    char path[DHIS2_LEVELS * (DHIS2_UID_MAX + 1)] = "";
    size_t used = 0;
    int level = level_of(d, number);
    for (int i = level; i >= 0; i--) {
        chain[i] = number;
        number = i > 0 ? parent_of(d, number, i) : 0;
    }
    for (int i = 0; i <= level; i++) {
        path[used++] = '/';
        dhis2_unit_uid(d, chain[i], path + used);
        used += DHIS2_UID_MAX - 1;
    }
    write_text(out, "path", path);
}

static void write_day(const struct dhis2 *d, const char *key, int64_t day, struct text *out)
{
    int64_t year;
    int month, day_of_month;
    bool zoned = d->quirks->rules[QUIRK_ZONED_DATES].on;
    date_from_days(day, &year, &month, &day_of_month);
    write_textf(out, key, "%04d-%02d-%02dT00:00:00.000%s", (int)year, month, day_of_month, zoned ? "+0000" : "");
}

static void write_dates(const struct dhis2 *d, int64_t number, const char *fields, struct text *out)
{
    struct dice dice = dice_new(unit_hash(d, "dates", number));
    int64_t opened = dice_between(&dice, 0, 18000);
    bool closed = dice_percent(&dice, 5);
    if (wanted(fields, "openingDate"))
        write_day(d, "openingDate", opened, out);
    if (closed && wanted(fields, "closedDate"))
        write_day(d, "closedDate", opened + dice_between(&dice, 100, 1000), out);
}

/* A point for a facility, a square for what is above it; a broken one is not closed. */
static void print_coordinates(const struct dhis2 *d, int64_t number, int level, struct text *out)
{
    struct dice dice = dice_new(unit_hash(d, "shape", number));
    double x = (double)dice_between(&dice, -13000000, -10300000) / 1e6, half = 1.0 / (1 << (2 * level));
    double y = (double)dice_between(&dice, 7000000, 9900000) / 1e6;
    bool broken = quirks_chance(d->quirks, QUIRK_ODD_GEOMETRY, NULL, unit_hash(d, "odd shape", number));
    if (level == DHIS2_LEVELS - 1) {
        text_printf(out, "[%.4f,%.4f]", x, broken ? 91.5 : y);
        return;
    }
    text_printf(out, "[[[%.4f,%.4f],[%.4f,%.4f],[%.4f,%.4f],[%.4f,%.4f]", x - half, y - half, x + half, y - half,
                x + half, y + half, x - half, y + half);
    if (!broken)
        text_printf(out, ",[%.4f,%.4f]", x - half, y - half);
    text_puts(out, "]]");
}

static void write_shape(const struct dhis2 *d, int64_t number, int level, const char *fields, struct text *out)
{
    struct text coordinates = {0};
    bool point = level == DHIS2_LEVELS - 1, many = !point && number % 2;
    if (unit_hash(d, "no shape", number) % 8 == 0)
        return;
    text_puts(&coordinates, many ? "[" : "");
    print_coordinates(d, number, level, &coordinates);
    text_puts(&coordinates, many ? "]" : "");
    const char *type = point ? "Point" : many ? "MultiPolygon" : "Polygon";
    if (d->quirks->rules[QUIRK_OLD_GEOMETRY].on) {
        if (wanted(fields, "coordinates"))
            write_text(out, "coordinates", text_str(&coordinates));
    } else if (wanted(fields, "geometry")) {
        write_open(out, "geometry", '{');
        write_text(out, "type", type);
        text_printf(out, ",\"coordinates\":%s", text_str(&coordinates));
        write_close(out, '}');
    }
    text_free(&coordinates);
}

static void write_group(const struct dhis2 *d, int group, struct text *out)
{
    char uid[DHIS2_UID_MAX];
    write_uid(unit_hash(d, "group", group), uid);
    write_open(out, NULL, '{');
    write_text(out, "name", groups[group].name);
    write_text(out, "id", uid);
    write_close(out, '}');
}

static void write_groups(const struct dhis2 *d, int64_t number, int level, struct text *out)
{
    uint64_t hash = unit_hash(d, "groups", number);
    write_open(out, "organisationUnitGroups", '[');
    if (level == DHIS2_LEVELS - 1) {
        write_group(d, (int)(hash % 4), out);
        write_group(d, 4 + (int)(hash / 4 % 4), out);
    }
    write_close(out, ']');
}

static bool is_member(const struct dhis2 *d, int64_t number, int group)
{
    uint64_t hash = unit_hash(d, "groups", number);
    return level_of(d, number) == DHIS2_LEVELS - 1 && ((int)(hash % 4) == group || 4 + (int)(hash / 4 % 4) == group);
}

int dhis2_group_number(const struct dhis2 *d, const char *uid)
{
    char own[DHIS2_UID_MAX];
    for (int group = 0; group < DHIS2_GROUPS; group++) {
        write_uid(unit_hash(d, "group", group), own);
        if (strcmp(own, uid) == 0)
            return group;
    }
    return -1;
}

void dhis2_write_group_whole(const struct dhis2 *d, int group, struct text *out)
{
    char uid[DHIS2_UID_MAX];
    write_uid(unit_hash(d, "group", group), uid);
    write_open(out, NULL, '{');
    write_text(out, "name", groups[group].name);
    write_text(out, "shortName", groups[group].name);
    write_text(out, "id", uid);
    write_open(out, "organisationUnits", '[');
    for (int64_t number = 0; number < d->count; number++) {
        if (!is_member(d, number, group))
            continue;
        dhis2_unit_uid(d, number, uid);
        write_open(out, NULL, '{');
        write_text(out, "id", uid);
        write_close(out, '}');
    }
    write_close(out, ']');
    write_close(out, '}');
}

static bool is_bad(const struct dhis2 *d, int64_t number)
{
    return quirks_marks(d->quirks, QUIRK_BAD_UNITS, &(struct occasion){.offset = -1, .id = number});
}

void dhis2_write_unit(const struct dhis2 *d, int64_t number, const char *fields, struct text *out)
{
    char uid[DHIS2_UID_MAX], name[NAME_MAX_LENGTH + 64];
    int level = level_of(d, number);
    dhis2_unit_uid(d, number, uid);
    dhis2_unit_name(d, number, name, sizeof name);
    write_open(out, NULL, '{');
    if (wanted(fields, "name"))
        write_text(out, "name", name);
    if (wanted(fields, "id"))
        write_text(out, "id", uid);
    if (wanted(fields, "shortName"))
        write_textf(out, "shortName", "%.50s", name);
    if (wanted(fields, "path"))
        write_path(d, number, out);
    if (wanted(fields, "level") && is_bad(d, number))
        write_text(out, "level", "third");
    else if (wanted(fields, "level"))
        write_int(out, "level", level + 1);
    write_dates(d, number, fields, out);
    if (wanted(fields, "code") && !quirks_chance(d->quirks, QUIRK_NO_CODES, NULL, unit_hash(d, "code", number)))
        write_textf(out, "code", "OU_%06d", (int)number);
    if (level > 0 && wanted(fields, "parent")) {
        dhis2_unit_uid(d, parent_of(d, number, level), uid);
        write_open(out, "parent", '{');
        write_text(out, "id", uid);
        write_close(out, '}');
    }
    write_shape(d, number, level, fields, out);
    if (wanted(fields, "organisationUnitGroups"))
        write_groups(d, number, level, out);
    write_close(out, '}');
}

void dhis2_write_level(const struct dhis2 *d, int level, struct text *out)
{
    char uid[DHIS2_UID_MAX];
    write_uid(unit_hash(d, "level", level), uid);
    write_open(out, NULL, '{');
    write_int(out, "level", level + 1);
    write_text(out, "name", level_names[level]);
    write_text(out, "id", uid);
    write_close(out, '}');
}

void dhis2_write_set(const struct dhis2 *d, int set, struct text *out)
{
    char uid[DHIS2_UID_MAX];
    write_uid(unit_hash(d, "set", set), uid);
    write_open(out, NULL, '{');
    write_text(out, "name", set_names[set]);
    write_text(out, "id", uid);
    write_open(out, "organisationUnitGroups", '[');
    for (int i = 0; i < DHIS2_GROUPS; i++)
        if (groups[i].set == set)
            write_group(d, i, out);
    write_close(out, ']');
    write_close(out, '}');
}
