"""How a report speaks of an Aurora drill. Pure."""

from functions.report.vocabulary import RESTORE

VOCABULARY = RESTORE
