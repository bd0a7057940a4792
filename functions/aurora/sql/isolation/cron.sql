-- Whether pg_cron is loaded: only then is there such a setting. To see it, or to be refused, is yes.
SELECT current_setting('cron.database_name', true) AS database
