"""The lab: an embedded AWS on this machine, for the same template, line and function code."""
