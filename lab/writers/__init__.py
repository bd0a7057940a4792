"""A hard writer: everything at once that makes a database difficult to compare with its copy.

`lab/writers/hard.py` runs it; each other file holds one family of its work, done to the tables of
schema.sql.
"""
