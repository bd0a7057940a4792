-- Lets a user's own query find what the extensions in public define; the catalog comes first.
SELECT set_config('search_path', 'pg_catalog, public', true)
