-- Before settling and claiming in one transaction: bells wait for the claim.
SELECT set_config('drumbeat.held', ',', true)
