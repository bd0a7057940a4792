"""The report: what a drill proved, as JSON, as a page, as a message and as metrics."""

VERSION = "0.1.0"
"""The version of this code, as every report carries it."""
