-- No argument. One row: were the statistics of the history gathered anew?
SELECT drumbeat.weigh_history()
