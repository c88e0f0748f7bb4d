#pragma once
/* Answers of the real VISION that were saved in a folder, served instead of made-up ones: "*_partners_response.json" is what /partners/ answers to every
 * country, "*_partners_response-2490.json" to one; a recording ({"request": {"uri": …}, "body": …}) is the answer to just that question. */
#include "common/base/json.h"

enum { SAVED_MAX = 256, SAVED_PATH_MAX = 512 };

struct saved {
    char path[SAVED_PATH_MAX]; /* "/partners/" */
    char area[16];             /* "": every */
    struct js *file;
    const struct js *body;
};

struct saved_answers {
    struct saved *list;
    size_t count;
};

/* Read the folder; what is no saved answer of VISION is passed over. Free in any case. */
bool saved_load(struct saved_answers *answers, const char *folder, struct err *e);
void saved_free(struct saved_answers *answers);

/* The first that is about this area, else the first about every area; NULL: there is none. */
const struct js *saved_find(const struct saved_answers *answers, const char *path, const char *area);
