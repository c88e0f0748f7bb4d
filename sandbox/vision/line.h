#pragma once
/* One row of a list while it is written: what it is about and where it goes. A list is a function that writes its n-th row. */
#include "sandbox/vision/vision.h"

struct line {
    const struct vision *v;
    const struct list *list;
    const char *area; /* business area */
    uint64_t hash;    /* of it */
    int64_t n;
    bool legacy, lacks, bad; /* in the older form; without a member; with a value that is none */
    const char *vendor;      /* of a firm that was asked for */
    struct text *out;
};

struct list {
    const char *path;
    void (*write)(const struct line *l);
    int lines;          /* a partner */
    int64_t base, span; /* of the numbers of what the lines belong to; 0: it has none */
};

/* Members as VISION writes them: amounts with commas now and then, days with two digits for the year, partners by number. */
void line_amount(const struct line *l, const char *key, int64_t cents);
void line_day(const struct line *l, const char *key, int64_t day);
void line_vendor(const struct line *l, const char *key, int64_t partner);

/* The number of the thing to which the row belongs. */
int64_t line_number(const struct line *l);

/* results.c */
void line_of_programme(const struct line *l);
void line_of_indicator(const struct line *l);
void line_of_workplan(const struct line *l);
void line_of_face_form(const struct line *l);
void line_of_commitment(const struct line *l);
