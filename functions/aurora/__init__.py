"""The kind `aurora`: Aurora PostgreSQL restored to a point in time."""
