#pragma once
/* SIGHUP says two things: the terminal that started us is gone, or, to a daemon, read your configuration again. The kernel takes the
 * terminal away from the session before anybody sees the signal, so which of the two it was can be asked. */
#include <stdbool.h>

/* Note whether there is a terminal now whose end matters: to nohup(1) it does not. To be called once, at the start, before SIGHUP is
 * handled. */
void hangup_watch(void);

/* After SIGHUP: was there a terminal, and is it gone? False: somebody asks for a reload. */
bool hangup_is_end(void);
