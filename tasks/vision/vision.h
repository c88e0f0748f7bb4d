#pragma once
/* What VISION answers for a country, a list a handler (list.h), and all of them at once (sync.c). */
#include "tasks/vision/list.h"

extern const struct handler handler_vision_dct, handler_vision_delegated_frs, handler_vision_ewp, handler_vision_face_forms, handler_vision_fund_commitment,
    handler_vision_fund_reservation, handler_vision_notify_hidden, handler_vision_partner, handler_vision_programme, handler_vision_ram, handler_vision_send_document,
    handler_vision_sync;
