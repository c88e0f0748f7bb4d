#pragma once
/* What the drivers in this folder know of each other. */
#include "common/broker/broker.h"

struct broker {
    const struct broker_driver *driver;
    struct broker_options options;
    struct region *region; /* of the last claim */
    struct pg_call *calls;
    struct pg_rows *answers;
    uint32_t turn; /* which queue goes first among those of equal rank */
};
