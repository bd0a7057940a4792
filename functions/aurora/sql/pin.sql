-- Sets settings of a session, given as a JSON object.
SELECT count(set_config(s.key, s.value, false)) AS pinned
FROM jsonb_each_text(%(settings)s::jsonb) AS s
