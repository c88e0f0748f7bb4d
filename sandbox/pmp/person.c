/* person: an e-mail address is made from the person's place, so no two persons share one. */
#include "sandbox/pmp/person.h"

#include "sandbox/dice.h"
#include "sandbox/pmp/names.h"
#include "sandbox/write.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EMAIL_MAX = 128 };

static void make_email(const struct pmp_country *c, int64_t partner, int64_t n, const char *last,
                       char out[static EMAIL_MAX])
{
    size_t used = 0;
    for (; *last && used < 20; last++)
        if (isascii((unsigned char)*last))
            out[used++] = (char)tolower((unsigned char)*last);
    if (partner > 0)
        snprintf(out + used, EMAIL_MAX - used, ".%" PRId64 "@partner%" PRId64 "-%s.example.org", n, partner,
                 c->business_area);
    else
        snprintf(out + used, EMAIL_MAX - used, ".%" PRId64 "@office-%s.example.org", n, c->business_area);
}

static void shout(char *email)
{
    for (; *email && *email != '@'; email++)
        *email = (char)toupper((unsigned char)*email);
}

static void write_email(const struct pmp *p, const struct pmp_country *c, uint64_t hash, int64_t document, char *email,
                        struct text *out)
{
    if (quirks_chance(p->quirks, QUIRK_EMAIL_CASE, c->business_area, dice_hash(hash, (uint64_t)document, 0, 0)))
        shout(email);
    if (quirks_chance(p->quirks, QUIRK_NO_EMAIL, c->business_area, hash))
        write_text(out, "email", hash % 2 ? NULL : "");
    else
        write_text(out, "email", email);
}

void person_write(const struct pmp *p, const struct pmp_country *c, int64_t partner, int64_t n, int64_t document,
                  enum person_shape shape, struct text *out)
{
    uint64_t hash = pmp_hash(c, "person", partner * 100 + n);
    char first[NAME_MAX_LENGTH], last[NAME_MAX_LENGTH], email[EMAIL_MAX];
    name_first(hash, first, sizeof first);
    name_last(hash, last, sizeof last);
    make_email(c, partner, n, last, email);
    write_open(out, NULL, '{');
    write_textf(out, "name", "%s %s", first, last);
    if (shape == PERSON_FULL) {
        write_text(out, "title", name_role(hash));
        if (hash % 3)
            write_textf(out, "phone_num", "+%" PRIu64, 200000000 + hash % 700000000);
        else
            write_text(out, "phone_num", hash % 2 ? NULL : "");
    }
    write_email(p, c, hash, document, email, out);
    if (shape == PERSON_FULL)
        write_bool(out, "active", hash % 10 != 0);
    write_close(out, '}');
}
