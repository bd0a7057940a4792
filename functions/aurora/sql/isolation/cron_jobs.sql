-- How many jobs pg_cron has in this database, and how many of them are active.
SELECT count(*) AS jobs, count(*) FILTER (WHERE j.active) AS active
FROM cron.job AS j
