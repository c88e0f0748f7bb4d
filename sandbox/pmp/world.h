#pragma once
/* What the stand-in PMP knows: countries, and in each of them rows of partners, programme documents, government
 * documents and locations. A generated row is only an id and a moment; its JSON is written anew from the seed each time
 * it is asked for, so that a full-size world takes little memory. A loaded row keeps the JSON it came with.
 *
 * As in the real system, each country counts its ids from the start: an id says nothing without its business area. */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "sandbox/quirks.h"

enum pmp_kind { PMP_PARTNERS, PMP_DOCUMENTS, PMP_GOVERNMENT, PMP_LOCATIONS, PMP_KINDS };

enum { PMP_CODE_MAX = 16, PMP_COUNTRIES_MAX = 500, PMP_ROWS_MAX = 1000000, PMP_FILES_MAX = 500, PMP_PATH_MAX = 4096 };

struct pmp_row {
    int64_t id;
    usec_t updated_at, first_updated_at; /* now, and at the start */
    int64_t changes;                     /* how often a test touched it */
    bool removed;                        /* no longer listed */
    const struct js *loaded;
};

/* Ascending by id. */
struct pmp_list {
    struct pmp_row *rows;
    size_t count, room;
    size_t at_start; /* how many there were then; later ones have larger ids */
};

struct pmp_country {
    int64_t id;
    char name[64];
    char business_area[PMP_CODE_MAX];
    char short_code[PMP_CODE_MAX]; /* "": none */
    char iso3[PMP_CODE_MAX];
    char currency[PMP_CODE_MAX];
    int64_t latitude, longitude;   /* 10^-6 degrees */
    int regions, districts, towns; /* places below the country, each region, each district */
    int partners_generated;
    uint64_t hash;                     /* what everything in it is rolled from */
    bool loaded;                       /* its documents came from files */
    const struct js *loaded_workspace; /* as the file has it, or NULL */
    struct pmp_list lists[PMP_KINDS];
};

enum pmp_scale { PMP_SMALL, PMP_FULL };

struct pmp {
    uint64_t seed;
    enum pmp_scale scale;
    usec_t today;     /* the newest document is a little older */
    const char *data; /* a folder of payloads instead of generated ones, or NULL */
    struct quirks *quirks;
    struct pmp_country *countries;
    size_t countries_count;
    struct js *files[PMP_FILES_MAX]; /* what loaded rows point into */
    size_t files_count;
};

/* Fill the world, generated or, when there is `data`, loaded. Close it in any case. */
bool pmp_open(struct pmp *p, struct err *e);
void pmp_close(struct pmp *p);

/* Take back what tests changed: rows added, removed and touched. */
void pmp_restore(struct pmp *p);

/* The two ways to fill it, for pmp_open(). */
void pmp_generate(struct pmp *p);
bool pmp_load(struct pmp *p, struct err *e);

struct pmp_country *pmp_add_country(struct pmp *p);                              /* NULL: there are PMP_COUNTRIES_MAX */
struct pmp_country *pmp_country(const struct pmp *p, const char *business_area); /* NULL: there is none */

struct pmp_row *pmp_row(const struct pmp_country *c, enum pmp_kind kind, int64_t id); /* NULL: there is none */
struct pmp_row *pmp_add_row(struct pmp_country *c, enum pmp_kind kind, int64_t id); /* the one there is, or a new one */
int64_t pmp_last_id(const struct pmp_country *c, enum pmp_kind kind);

/* The number all rolls about one thing begin with. */
uint64_t pmp_hash(const struct pmp_country *c, const char *what, int64_t id);
