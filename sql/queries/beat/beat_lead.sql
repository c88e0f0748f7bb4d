-- Take or keep the lease. $1 uuid: this beat; $2 interval: for how long; $3 bool: this connection is a session of its own; $4 bool: may
-- lead, else only look. Answers (leads, epoch, the store's clock); always one row.
SELECT l.leads, l.epoch, l.store_clock FROM drumbeat.lead($1, $2, $3, $4) l
