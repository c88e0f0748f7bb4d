#pragma once
/* The columns of task_rows.sql. */
#include "cli/rows.h"

extern const struct column task_columns[];
