-- The extensions of a database, with their versions.
SELECT concat_ws(' ', quote_ident(e.extname), e.extversion) AS extension
FROM pg_extension AS e
ORDER BY e.extname
