/* verbs: the list of everything `drumbeat` can do, in the order in which --help shows it. */
#include "cli/verb.h"

#include <stddef.h>

extern const struct verb verb_up, verb_worker, verb_beat, verb_web, verb_fork_server;
extern const struct verb verb_enqueue, verb_run, verb_handlers;
extern const struct verb verb_task_ls, verb_task_show, verb_task_result, verb_task_wait, verb_task_log, verb_task_cancel, verb_task_retry, verb_task_failures,
    verb_task_errors;
extern const struct verb verb_batch_ls, verb_batch_show, verb_batch_wait, verb_batch_cancel, verb_batch_retry, verb_batch_enqueue;
extern const struct verb verb_queue_ls, verb_queue_pause, verb_queue_resume, verb_queue_purge;
extern const struct verb verb_limit_ls, verb_limit_set, verb_limit_clear;
extern const struct verb verb_schedule_ls, verb_schedule_show, verb_schedule_next, verb_schedule_history, verb_schedule_pause, verb_schedule_resume,
    verb_schedule_trigger, verb_schedule_backfill, verb_schedule_import;
extern const struct verb verb_quarantine_ls, verb_quarantine_show, verb_quarantine_release, verb_quarantine_drop;
extern const struct verb verb_cron, verb_doctor, verb_bench, verb_prune, verb_migrate, verb_config, verb_version, verb_manual;

const struct verb *const verbs[] = {
    &verb_up,
    &verb_worker,
    &verb_beat,
    &verb_web,
    &verb_enqueue,
    &verb_run,
    &verb_task_ls,
    &verb_task_show,
    &verb_task_result,
    &verb_task_wait,
    &verb_task_log,
    &verb_task_cancel,
    &verb_task_retry,
    &verb_task_failures,
    &verb_task_errors,
    &verb_batch_ls,
    &verb_batch_show,
    &verb_batch_wait,
    &verb_batch_cancel,
    &verb_batch_retry,
    &verb_batch_enqueue,
    &verb_queue_ls,
    &verb_queue_pause,
    &verb_queue_resume,
    &verb_queue_purge,
    &verb_limit_ls,
    &verb_limit_set,
    &verb_limit_clear,
    &verb_schedule_ls,
    &verb_schedule_show,
    &verb_schedule_next,
    &verb_schedule_history,
    &verb_schedule_pause,
    &verb_schedule_resume,
    &verb_schedule_trigger,
    &verb_schedule_backfill,
    &verb_schedule_import,
    &verb_quarantine_ls,
    &verb_quarantine_show,
    &verb_quarantine_release,
    &verb_quarantine_drop,
    &verb_cron,
    &verb_handlers,
    &verb_doctor,
    &verb_bench,
    &verb_prune,
    &verb_migrate,
    &verb_config,
    &verb_version,
    &verb_manual,
    &verb_fork_server,
    NULL,
};
