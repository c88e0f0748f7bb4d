/* Any bytes as a notification: everybody who can connect may send one (reliability.md, S12). The keeper forgets none of its lanes, learns no
 * more of them than there is room for, and stops nothing that was not named. */
#include "worker/board.h"
#include "worker/keeper_inside.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct keeper keeper;
    struct text line CLEANUP(text_free) = {0};
    struct err e;
    int fd;
    if (!keeper.board) {
        log_set_level(LOG_ERROR);
        keeper.board = board_make(2, &fd, &e);
        if (!keeper.board)
            abort();
        keeper.lanes = &keeper.board->editions[0].lanes;
        keeper.gate_memory = region_new();
    }
    keeper.gate_count = 0;
    region_reset(keeper.gate_memory);
    uint32_t before = atomic_load(&keeper.lanes->count);
    for (size_t from = 0; from < size;) {
        const uint8_t *end = memchr(data + from, '\n', size - from);
        size_t len = end ? (size_t)(end - data) - from : size - from;
        text_reset(&line);
        text_add(&line, data + from, len);
        keeper_hear(&keeper, text_str(&line));
        from += len + 1;
    }
    if (atomic_load(&keeper.lanes->count) < before || atomic_load(&keeper.lanes->count) > LANES_MAX ||
        atomic_load(&keeper.lanes->group_count) > LANE_GROUPS_MAX || atomic_load(&keeper.board->seats[0].stop))
        abort();
    return 0;
}
