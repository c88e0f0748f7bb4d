#pragma once
/* Health: a list of checks, each a row with a function that judges one look. A new check is such a function and its
 * row. A check that warns leaves the verdict alone: it names what an operator should know. */
#include "common/base/clock.h"
#include "common/base/text.h"
#include "web/look.h"

enum verdict { VERDICT_PASS, VERDICT_WARN, VERDICT_FAIL };

enum { HEALTH_CHECKS = 6, HEALTH_REASON_SIZE = 1536 };

struct health_rules {
    usec_t stall;     /* how long what could be done may lie undone */
    bool need_worker; /* no living worker fails instead of only warning */
};

struct finding {
    const char *check;
    enum verdict verdict;
    bool judged;                     /* false: a check before it failed that this one rests on */
    char reason[HEALTH_REASON_SIZE]; /* "" for a pass */
};

/* Judge every check, `now` on clock_boot(). Answers the worst verdict. */
enum verdict health_judge(const struct look *look, const struct health_rules *rules, usec_t now,
                          struct finding findings[static HEALTH_CHECKS]);

/* "pass", "warn", "fail". */
const char *health_verdict_name(enum verdict verdict);

/* Add {"queues": {"status": "fail", "reason": "…"}, …}. */
void health_write(const struct finding findings[static HEALTH_CHECKS], struct text *out);

/* Has the loop come round lately? Every call in it has a time-out, so a loop that does not is broken. */
bool health_turns(const struct look *look, usec_t now);
