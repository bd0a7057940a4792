"""The report: what a drill proved, for a machine (JSON), a person (HTML), a phone (a message) and a graph."""

VERSION = "0.1.0"
"""The version of this code, as every report carries it."""
