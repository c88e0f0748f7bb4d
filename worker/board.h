#pragma once
/* The board: memory that the processes of one worker share. Fixed-size records, one writer a field:
 *
 *     supervisor  phase, supervisor_at, deaths, edition,  keeper  keeper_at, renewed_at, lives, registered, trouble, stop, lanes,
 *                     pool, seat_count, groups                burst_over, lease
 *     child       its seat: state, task, turn, limits, progress,     fork server  its edition
 *                     notes
 *     courier     courier_at, courier_good_at, light_*,               anybody      courier_bells
 *                     pool_asked, its edition's task_events, not_consumed,
 *                     scale_min, scale_max, asked
 *
 * It holds nothing that a crash may lose: the store knows what is claimed, the board only says what is being done about it. */
#include "common/broker/lanes.h"
#include "common/store/seat.h"
#include "common/store/tally.h"
#include "common/task/runtime.h"
#include "worker/catalog.h"
#include "worker/cgroup.h"
#include "worker/identity.h"
#include "worker/notes.h"

/* The worker's way down. */
enum phase {
    PHASE_RUN,
    PHASE_DRAIN, /* finish the running task, claim nothing, leave */
    PHASE_CLOSE  /* children are gone: the keeper gives everything back and leaves */
};

/* AWAY: its child is dead and is not replaced at once, so the keeper releases what it held; EMPTY: the next child does. */
enum seat_state { SEAT_EMPTY, SEAT_AWAY, SEAT_STARTING, SEAT_IDLE, SEAT_BUSY };

/* A death is PRESENT until somebody who took it on has released the seat. One who dies over it leaves it PRESENT again: the supervisor
 * sees to that. */
enum death_state { DEATH_NONE, DEATH_PRESENT, DEATH_WITH_CHILD, DEATH_WITH_KEEPER };

enum { DEATH_TEXT_MAX = 256, BATCH_MAX = CLAIM_MAX, SEAT_NAME_MAX = 64 };

/* How the last holder of a seat died, for whoever releases what it held. */
struct death {
    _Atomic uint32_t state;
    struct uuid task; /* what was running; zero: nothing */
    usec_t started_at;
    enum outcome outcome;
    int signal, exit_code;
    int64_t peak_rss, cpu_ms;
    bool final; /* it is not tried again */
    char text[DEATH_TEXT_MAX];
};

/* What a seat is at, as one consistent look (seat_look). */
struct seat_view {
    struct uuid task; /* zero: none */
    int64_t fence, epoch;
    int place, attempt;
    int turn;   /* the how manieth of its batch */
    int series; /* in the tally */
    bool told;         /* the store knows that it started */
    bool light;        /* its claim is in Redis alone */
    usec_t since;      /* CLOCK_BOOTTIME */
    usec_t started_at; /* wall clock */
    usec_t soft_at, hard_at;
    bool hard_is_final; /* beyond it the task is not tried again */
    struct limits limits;
    usec_t cpu_before; /* processor time that the child and what it had started used before */
    int64_t progress_value, end_value;
    uint32_t progress_turn; /* changes with each progress */
    char name[SEAT_NAME_MAX];
    char message[TASK_MESSAGE_MAX];
};

struct seat {
    _Alignas(64) _Atomic uint32_t state;
    _Atomic uint32_t wake; /* futex: something may be ready, or the phase changed */
    _Atomic int64_t stop; /* seat_ticket() of the task that somebody wants stopped; 0: none yet */
    _Atomic int64_t stop_at; /* CLOCK_BOOTTIME */
    _Atomic int32_t pid;
    _Atomic uint32_t placed; /* futex: pid of the child that is in its control group */
    _Atomic uint64_t turn; /* which of its batch runs, from 1 << 32 | the last one that may */
    _Atomic uint64_t tasks; /* run by this child so far */
    _Atomic int64_t light_fence; /* of the claim that is held in Redis alone; 0: none */
    _Atomic int64_t output; /* bytes that the task has written so far */
    _Atomic uint32_t version; /* odd while `view` is written */
    struct seat_view view;
    struct death death;
    struct notes notes;
};

/* One reading of the configuration. Processes of several editions live side by side for a while after a reload: places in the catalog
 * and the lanes to claim from are an edition's own. */
enum { EDITIONS_MAX = 8 };

/* Limits of a handler that remote control has asked for; 0: as configured. */
struct asked_limits {
    _Atomic int64_t soft, hard;
};

struct edition {
    int pool; /* these: for the supervisor, written before the fork server says that it is ready */
    usec_t drain, cancel_term, cancel_kill;
    struct log_style log;
    bool needs_courier; /* it serves queues that Redis has */
    _Atomic uint32_t task_events; /* courier: monitors of Celery are told of tasks */
    _Atomic uint64_t not_consumed; /* courier: a bit for each of its queues of Celery that it was asked not to take from */
    _Atomic int32_t scale_min, scale_max; /* courier: between which the pool follows the load; 0: it does not */
    struct asked_limits asked[CATALOG_MAX]; /* courier: by place in the catalog */
    char trouble[ERR_TEXT_MAX];           /* why the fork server of this edition refused it */
    _Atomic int64_t mean_us[CATALOG_MAX]; /* how long a task takes, roughly, by place in the catalog; 0: unknown */
    struct lanes lanes;
};

struct board {
    struct uuid worker;
    _Atomic int32_t pool;       /* seats that children are kept on */
    _Atomic int32_t pool_asked; /* by remote control, until the next reload; 0: what the configuration says */
    _Atomic int32_t seat_count; /* seats up to here may hold something: the largest pool so far */
    _Atomic int64_t lease;      /* the shorter one while it changes */
    bool burst;
    _Atomic uint32_t edition;   /* the current one; processes of any other leave when their task is done */
    _Atomic uint32_t coming;    /* to which a fork server belongs that starts now */
    struct cgroups groups;
    struct identity identity; /* of children */
    _Atomic int32_t supervisor_pid;
    _Atomic uint32_t phase;
    _Atomic uint32_t registered; /* futex: the worker's row exists */
    _Atomic int32_t refused;       /* exit status: the database will not have this worker, trying again is no use */
    char trouble[ERR_TEXT_MAX];    /* keeper: why it is not registered yet */
    _Atomic uint32_t burst_over;
    _Atomic uint32_t idle_turn;    /* counts how often a child found nothing to do */
    _Atomic int64_t supervisor_at; /* CLOCK_BOOTTIME of its last round */
    _Atomic int64_t keeper_at;     /* the same of the keeper */
    _Atomic int64_t courier_at;      /* the same of the courier */
    _Atomic int64_t courier_good_at; /* CLOCK_BOOTTIME when it had last done all its duties; 0: not yet */
    _Atomic uint32_t courier_bells;  /* enum courier_bell, rung and not yet heard */
    _Atomic uint32_t light_bell;      /* changes when there may be tasks in queues that are in Redis alone */
    _Atomic int64_t light_renewed_at; /* CLOCK_BOOTTIME just before the leases there were renewed; 0: not yet */
    _Atomic int64_t renewed_at;    /* CLOCK_BOOTTIME just before the last good heartbeat was sent; 0: none yet */
    _Atomic uint32_t lives;        /* how often others have taken all this worker held */
    struct edition editions[EDITIONS_MAX];
    struct tally tally;
    struct seat seats[]; /* CONFIG_POOL_MAX: memory that no child was on is not there yet */
};

/* What a process of the worker inherits, by descriptor number. */
enum board_fd { FD_BOARD = 3, FD_CONTROL, FD_KEEPER_BELL, FD_COURIER_BELL, FD_LOG_WRITE, FD_LOG_READ, FD_ENDS };

/* A new board with room for every pool, in a memory file of its own: *fd is close-on-exec. */
struct board *board_make(int pool, int *fd, struct err *e);
struct board *board_map(int fd, struct err *e);

/* The record of an edition; numbers that are EDITIONS_MAX apart share it. */
struct edition *board_edition(struct board *board, uint32_t number);

/* A task that takes longer never shares a settle. */
#define SLOW_TASK MSEC(10)

/* Is it known of the handler at this place in the catalog that its tasks take less? */
bool edition_is_quick(const struct edition *edition, size_t place);

/* What others have to know of this reading of the configuration. */
void edition_write(struct edition *edition, const struct config *config);

/* Child: begin, move on and end a task on the seat. */
void seat_begin(struct seat *seat, const struct seat_view *view);
void seat_progress(struct seat *seat, int64_t value, int64_t end, const char *message);
void seat_finish(struct seat *seat);

/* One task of one claim, in one number: a fence alone stands for a whole batch. */
int64_t seat_ticket(int64_t fence, int place);

/* Anyone: a consistent copy; false when the child died in the middle of writing. */
bool seat_look(const struct seat *seat, struct seat_view *view);

/* Supervisor, when the child is dead: what it was at, even in the middle of writing, and an empty record for the next child. */
struct seat_view seat_clear(struct seat *seat);

/* Child: set up a batch of `count`, then take one after the other. False: it was taken away. */
void seat_batch(struct seat *seat, int count);
bool seat_take_turn(struct seat *seat, int turn);
/* Those up to this one may run. */
int seat_batch_limit(const struct seat *seat);
/* Keeper: keep the child from going beyond `turn`; false when it has gone on already. */
bool seat_cut_batch(struct seat *seat, int turn);

/* Wake a seat's child, or the first idle one; false: none is idle, and each will look once more before it waits. */
void seat_wake(struct seat *seat);
bool board_wake_idle(struct board *board);
void board_wake_all(struct board *board);
bool board_all_idle(const struct board *board);
bool board_any_idle(const struct board *board);
bool board_all_busy(const struct board *board);
int64_t board_busy(const struct board *board); /* how many children are at work */

/* Keeper, courier: somebody wants the end of this task; tell the child that runs it, if one does. */
void board_stop_task(struct board *board, struct uuid task);

/* Anyone but the supervisor: there is something for the courier, one or several of these. */
enum courier_bell {
    COURIER_OUTGOING = 1, /* a transaction has committed with something that is to be sent */
    COURIER_SETTLED = 2,  /* tasks of its queues have been settled */
    COURIER_IDLE = 4,     /* a child waits that did not */
    COURIER_CANCEL = 8    /* somebody has asked for the end of a task */
};
void courier_ring(struct board *board, uint32_t bells);

/* The lease is over for this side a margin before it is over for others: of all that is held, and of what is held in Redis alone. */
bool board_lease_over(const struct board *board, usec_t now);
bool board_light_lease_over(const struct board *board, usec_t now);

/* Wait until *word is no longer `seen`, at most `wait`. */
void word_wait(_Atomic uint32_t *word, uint32_t seen, usec_t wait);
void word_wake(_Atomic uint32_t *word);
void word_set(_Atomic uint32_t *word, uint32_t value); /* and wake */
