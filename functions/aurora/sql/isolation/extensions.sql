-- Which of the extensions that run jobs are there.
SELECT e.extname AS name
FROM pg_extension AS e
WHERE e.extname = ANY (%(names)s)
ORDER BY e.extname
