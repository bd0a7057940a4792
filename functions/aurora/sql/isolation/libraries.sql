-- What the server has loaded at its start. Not every role may see it.
SELECT current_setting('shared_preload_libraries') AS libraries
