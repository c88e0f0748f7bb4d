#pragma once
/* What the drivers in this folder know of each other. */
#include "common/broker/broker.h"

enum { DRIVER_CALLS_MAX = 3 }; /* that a driver sends beside those that settle */

struct broker {
    const struct broker_driver *driver;
    struct broker_options options;
    struct region *region; /* of the last claim */
    struct pg_call *calls;
    struct pg_rows *answers;
    uint32_t turn; /* which queue goes first among those of equal rank */
};
