#pragma once
/* Firms that monitor and audit for the countries, and what was ordered from them, from VISION (docs/tpm.md). */
#include "tasks/vision/list.h"

extern const struct handler handler_tpm_partners, handler_tpm_purchase_orders;
