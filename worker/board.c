/* board: shared memory and the small protocols on it. */
#include "worker/board.h"
#include "common/base/crash_point.h"
#include "common/base/log.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const size_t board_size = sizeof(struct board) + CONFIG_POOL_MAX * sizeof(struct seat);

static struct board *map(int fd, size_t size, struct err *e)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED)
        return memory;
    err_errno(e, ERR_FAILED, errno, "mmap of the board");
    return NULL;
}

struct board *board_make(int pool, int *fd, struct err *e)
{
    *fd = memfd_create("drumbeat-board", MFD_CLOEXEC);
    if (*fd < 0 || ftruncate(*fd, (off_t)board_size) != 0) {
        err_errno(e, ERR_FAILED, errno, "memfd_create");
        return NULL;
    }
    struct board *board = map(*fd, board_size, e);
    if (board)
        board->pool = board->seat_count = pool;
    return board;
}

struct board *board_map(int fd, struct err *e)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        err_errno(e, ERR_FAILED, errno, "the board");
        return NULL;
    }
    return map(fd, (size_t)about.st_size, e);
}

struct edition *board_edition(struct board *board, uint32_t number)
{
    return &board->editions[number % EDITIONS_MAX];
}

static bool needs_courier(const struct config *config)
{
    for (size_t i = 0; i < config->queue_count; i++)
        if (strcmp(config->queues[i].broker, "redis") == 0 &&
            (config_serves(config, config->queues[i].name) || strcmp(config->queues[i].protocol, "celery") == 0)) /* others serve it: it is sent to them */
            return true;
    return false;
}

void edition_write(struct edition *edition, const struct config *config)
{
    edition->pool = config->worker.pool;
    edition->drain = config->worker.drain;
    edition->cancel_term = config->worker.cancel.term;
    edition->cancel_kill = config->worker.cancel.kill;
    edition->log = log_style();
    edition->needs_courier = needs_courier(config);
    edition->task_events = config->celery.task_events;
    edition->lanes.ageing = config->worker.ageing;
}

/* Sequence lock: the child is the only writer, so it need not wait for anybody. */
static void write_begin(struct seat *seat)
{
    atomic_fetch_add_explicit(&seat->version, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void write_end(struct seat *seat)
{
    atomic_fetch_add_explicit(&seat->version, 1, memory_order_release);
}

void seat_begin(struct seat *seat, const struct seat_view *view)
{
    write_begin(seat);
    uint32_t turn = seat->view.progress_turn;
    seat->view = *view;
    seat->view.progress_turn = turn;
    write_end(seat);
}

void seat_progress(struct seat *seat, int64_t value, int64_t end, const char *message)
{
    write_begin(seat);
    seat->view.progress_value = value;
    seat->view.end_value = end;
    if (message)
        snprintf(seat->view.message, sizeof seat->view.message, "%s", message);
    seat->view.progress_turn++;
    write_end(seat);
}

void seat_finish(struct seat *seat)
{
    write_begin(seat);
    memset(&seat->view.task, 0, sizeof seat->view.task);
    seat->view.hard_at = 0;
    write_end(seat);
    atomic_fetch_add_explicit(&seat->tasks, 1, memory_order_relaxed);
}

enum { TICKET_PLACES = 1024 };
_Static_assert((int)TICKET_PLACES > (int)CLAIM_MAX, "a place fits into a ticket");

int64_t seat_ticket(int64_t fence, int place)
{
    assert(place >= 0 && place < TICKET_PLACES);
    return fence * TICKET_PLACES + place;
}

enum { LOOKS_MAX = 1000 };

bool seat_look(const struct seat *seat, struct seat_view *view)
{
    for (int look = 0; look < LOOKS_MAX; look++) {
        uint32_t before = atomic_load_explicit(&seat->version, memory_order_acquire);
        if (before & 1)
            continue;
        *view = seat->view;
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&seat->version, memory_order_relaxed) == before)
            return true;
    }
    return false;
}

struct seat_view seat_clear(struct seat *seat)
{
    struct seat_view last = seat->view;
    uint32_t version = atomic_load(&seat->version);
    if (version % 2 == 0)
        atomic_store(&seat->version, version + 1);
    memset(&seat->view.task, 0, sizeof seat->view.task);
    seat->view.hard_at = 0;
    write_end(seat);
    return last;
}

bool edition_is_quick(const struct edition *edition, size_t place)
{
    usec_t mean = atomic_load_explicit(&edition->mean_us[place], memory_order_relaxed);
    return mean > 0 && mean < SLOW_TASK;
}

void seat_batch(struct seat *seat, int count)
{
    atomic_store(&seat->turn, (uint64_t)count);
}

bool seat_take_turn(struct seat *seat, int turn)
{
    uint64_t was = atomic_load(&seat->turn);
    do {
        if ((uint64_t)turn > (was & UINT32_MAX))
            return false;
    } while (!atomic_compare_exchange_weak(&seat->turn, &was, (uint64_t)turn << 32 | (was & UINT32_MAX)));
    return true;
}

int seat_batch_limit(const struct seat *seat)
{
    return (int)(atomic_load(&seat->turn) & UINT32_MAX);
}

bool seat_cut_batch(struct seat *seat, int turn)
{
    uint64_t was = atomic_load(&seat->turn);
    do {
        if ((int)(was >> 32) != turn)
            return false;
    } while (!atomic_compare_exchange_weak(&seat->turn, &was, (uint64_t)turn << 32 | (uint64_t)turn));
    return true;
}

void board_stop_task(struct board *board, struct uuid task)
{
    for (int i = 0; i < board->seat_count; i++) {
        struct seat *seat = &board->seats[i];
        struct seat_view view;
        if (!seat_look(seat, &view) || !uuid_equal(view.task, task) || atomic_load(&seat->stop) == seat_ticket(view.fence, view.place))
            continue;
        atomic_store(&seat->stop_at, clock_boot());
        atomic_store(&seat->stop, seat_ticket(view.fence, view.place));
        CRASH_POINT("cancel", "told");
        log_info("task.cancel_asked", LOG_UUID("task", task), LOG_INT("seat", i));
    }
}

/* A bell that was rung and not yet heard is not rung again: it is heard after everything that was done before. */
void courier_ring(struct board *board, uint32_t bells)
{
    uint64_t one = 1;
    if ((atomic_fetch_or(&board->courier_bells, bells) & bells) == bells)
        return;
    ssize_t ignored = write(FD_COURIER_BELL, &one, sizeof one);
    (void)ignored;
}

static bool is_over(const struct board *board, usec_t renewed_at, usec_t now)
{
    usec_t lease = atomic_load(&board->lease);
    return renewed_at && now - renewed_at > lease - lease / 5;
}

bool board_lease_over(const struct board *board, usec_t now)
{
    return is_over(board, atomic_load(&board->renewed_at), now);
}

bool board_light_lease_over(const struct board *board, usec_t now)
{
    return is_over(board, atomic_load(&board->light_renewed_at), now);
}

void word_wait(_Atomic uint32_t *word, uint32_t seen, usec_t wait)
{
    struct timespec limit = {.tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000};
    syscall(SYS_futex, word, FUTEX_WAIT, seen, &limit, NULL, 0);
}

void word_wake(_Atomic uint32_t *word)
{
    atomic_fetch_add(word, 1);
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void word_set(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store(word, value);
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void seat_wake(struct seat *seat)
{
    word_wake(&seat->wake);
}

static bool wake_first_idle(struct board *board)
{
    for (int i = 0; i < board->pool; i++) {
        uint32_t idle = SEAT_IDLE;
        if (atomic_compare_exchange_strong(&board->seats[i].state, &idle, SEAT_BUSY)) {
            seat_wake(&board->seats[i]);
            return true;
        }
    }
    return false;
}

/* When all are busy one may have looked just before and found nothing: it must look again before it waits. Either it sees its
 * changed word, or the second look here sees it idle. */
bool board_wake_idle(struct board *board)
{
    if (wake_first_idle(board))
        return true;
    for (int i = 0; i < board->pool; i++)
        atomic_fetch_add(&board->seats[i].wake, 1);
    return wake_first_idle(board);
}

void board_wake_all(struct board *board)
{
    for (int i = 0; i < board->seat_count; i++)
        seat_wake(&board->seats[i]);
}

static bool all_in(const struct board *board, enum seat_state state)
{
    for (int i = 0; i < board->pool; i++)
        if (atomic_load(&board->seats[i].state) != state)
            return false;
    return true;
}

bool board_all_idle(const struct board *board)
{
    return all_in(board, SEAT_IDLE);
}

bool board_any_idle(const struct board *board)
{
    for (int i = 0; i < board->pool; i++)
        if (atomic_load_explicit(&board->seats[i].state, memory_order_relaxed) == SEAT_IDLE)
            return true;
    return false;
}

int64_t board_busy(const struct board *board)
{
    int64_t busy = 0;
    for (int i = 0; i < atomic_load(&board->seat_count); i++)
        busy += atomic_load(&board->seats[i].state) == SEAT_BUSY;
    return busy;
}

bool board_all_busy(const struct board *board)
{
    return all_in(board, SEAT_BUSY);
}
