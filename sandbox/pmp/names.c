/* names: short lists of words, put together by rolls. More variety: longer lists. */
#include "sandbox/pmp/names.h"

#include "sandbox/dice.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define PICK(dice, list) ((list)[dice_roll(dice, COUNT(list))])

static const char *const onsets[] = {"b", "d", "f", "g", "h", "k",  "l",  "m",  "n",  "p",
                                     "r", "s", "t", "v", "z", "br", "dr", "kh", "sh", "tr"};
static const char *const vowels[] = {"a", "e", "i", "o", "u", "a", "e", "ia", "ou", "é"};
static const char *const codas[] = {"", "", "", "n", "r", "l", "s", "m", "k", "nd"};
static const char *const place_ends[] = {"ba",  "dou",  "gar", "kesh", "lo",  "mara",
                                         "nia", "polo", "ra",  "sel",  "tan", "vi"};

/* A roll a statement: C leaves open in which order the arguments of one call are rolled. */
static void add_syllables(struct dice *d, int count, char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < count && used < room; i++) {
        const char *onset = PICK(d, onsets);
        const char *vowel = PICK(d, vowels);
        const char *coda = i + 1 < count ? "" : PICK(d, codas);
        used += (size_t)snprintf(out + used, room - used, "%s%s%s", onset, vowel, coda);
    }
    out[0] = (char)toupper((unsigned char)out[0]);
}

void name_place(uint64_t hash, char *out, size_t room)
{
    struct dice d = dice_new(hash);
    add_syllables(&d, (int)dice_between(&d, 1, 2), out, room);
    size_t used = strlen(out);
    const char *end = PICK(&d, place_ends);
    snprintf(out + used, room - used, "%s%s", end, dice_percent(&d, 8) ? "-sur-Mer" : "");
}

void name_first(uint64_t hash, char *out, size_t room)
{
    struct dice d = dice_new(hash);
    add_syllables(&d, 2, out, room);
}

void name_last(uint64_t hash, char *out, size_t room)
{
    struct dice d = dice_new(~hash);
    add_syllables(&d, (int)dice_between(&d, 2, 3), out, room);
}

void name_organisation(uint64_t hash, char *out, size_t room)
{
    static const char *const causes[] = {"Children's", "Community",    "Hope",     "Clean Water", "Women's",
                                         "Youth",      "Green Valley", "Learning", "Health",      "Nutrition"};
    static const char *const forms[] = {
        "Relief Network", "Development Association", "Foundation", "Initiative", "Action Group", "Alliance", "Trust",
        "Society"};
    struct dice d = dice_new(hash);
    char place[NAME_MAX_LENGTH];
    name_place(hash, place, sizeof place);
    const char *cause = PICK(&d, causes);
    snprintf(out, room, "%s %s %s", place, cause, PICK(&d, forms));
}

void name_ministry(uint64_t hash, const char *place, char *out, size_t room)
{
    static const char *const bodies[] = {"Ministry of Water", "Directorate of Schools", "Provincial Health Office",
                                         "Department of Social Affairs", "Institute of Statistics"};
    struct dice d = dice_new(hash);
    snprintf(out, room, "%s, %s", PICK(&d, bodies), place);
}

void name_initials(const char *name, char *out, size_t room)
{
    size_t used = 0;
    for (const char *p = name; *p && used + 1 < room; p++)
        if (*p >= 'A' && *p <= 'Z')
            out[used++] = *p;
    out[used] = '\0';
}

const char *name_role(uint64_t hash)
{
    static const char *const roles[] = {"Executive Director",
                                        "Programme Manager",
                                        "Finance Officer",
                                        "Field Coordinator",
                                        "Head of Mission",
                                        "M&E Officer",
                                        ".",
                                        ""};
    return roles[hash % COUNT(roles)];
}

const char *name_section(size_t index)
{
    static const char *const sections[NAME_SECTIONS] = {"Child Protection", "Education",     "Health", "HIV & AIDS",
                                                        "Nutrition",        "Social Policy", "WASH",   "Emergency"};
    return sections[index % NAME_SECTIONS];
}

static const char *const aims[] = {"Access to safe water",   "Integrated nutrition services",
                                   "Back-to-school support", "Psychosocial care for children",
                                   "Immunisation outreach",  "Cash assistance for families",
                                   "Sanitation in schools",  "Birth registration",
                                   "Accelerated learning",   "Prevention of early marriage"};

void title_document(uint64_t hash, const char *place, char *out, size_t room)
{
    static const char *const whom[] = {"displaced families",  "host communities", "adolescent girls",
                                       "children under five", "returnees",        "rural schools"};
    static const char *const phases[] = {"", " – phase II", " – emergency response", " (extension)", " / pilot"};
    struct dice d = dice_new(hash);
    const char *aim = PICK(&d, aims), *who = PICK(&d, whom);
    snprintf(out, room, "%s for %s in %s%s", aim, who, place, PICK(&d, phases));
}

void title_output(uint64_t hash, int number, char *out, size_t room)
{
    static const char *const changes[] = {"is available and used", "reaches the hardest to reach",
                                          "is run by trained local staff", "meets the national standard"};
    struct dice d = dice_new(hash);
    const char *aim = PICK(&d, aims);
    snprintf(out, room, "Output %d: %s %s", number, aim, PICK(&d, changes));
}

void title_indicator(uint64_t hash, int percentage, char *out, size_t room)
{
    static const char *const things[] = {"children",   "caregivers", "teachers",     "health workers",
                                         "households", "schools",    "water points", "community groups"};
    static const char *const deeds[] = {"reached with services",
                                        "trained",
                                        "equipped with kits",
                                        "registered and followed up",
                                        "satisfied with \"the service\"",
                                        "assessed\nand reported"};
    struct dice d = dice_new(hash);
    const char *thing = PICK(&d, things);
    snprintf(out, room, "%s of %s %s", percentage ? "Percentage" : "Number", thing, PICK(&d, deeds));
}

const char *title_cp_output(uint64_t hash)
{
    static const char *const outputs[] = {
        "Systems for water are resilient",     "Schools are inclusive",   "Children are protected in emergencies",
        "Primary health care is strengthened", "Families escape poverty", "Young people take part"};
    return outputs[hash % COUNT(outputs)];
}

const char *text_verification(uint64_t hash)
{
    static const char *const means[] = {
        NULL, "Attendance sheets",        "Partner's reports;\nfield visits", "Survey before and after",
        "",   "Health information system"};
    return means[hash % COUNT(means)];
}
