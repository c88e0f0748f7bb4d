#pragma once
/* The order to fail: which call of drumbeat's processes does not succeed. A file that the test and the library preloaded into them
 * (nth_calls.c) have mapped; NTH_ORDER in the environment names it. */
#include <stdatomic.h>

enum nth_call { NTH_NOTHING, NTH_MALLOC, NTH_WRITE, NTH_FSYNC, NTH_CONNECT, NTH_RENAME, NTH_FORK, NTH_OPEN, NTH_SEND, NTH_CALLS };

struct nth_order {
    _Atomic int call;  /* enum nth_call */
    _Atomic int nth;   /* which of them fails, counted over all processes from 1; 0: none */
    _Atomic int count; /* how many there were */
    _Atomic int failed;
};
