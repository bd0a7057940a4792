"""The errors a step raises: the line, the log and the report show the name of the class."""


class DrillError(Exception):
    """When a step cannot go on; the drill ends INCONCLUSIVE unless a subclass says otherwise."""


class TryAgain(DrillError):
    """When the world asks to be asked again: throttling, a 5xx, a race. The line retries."""


class Refused(DrillError):
    """When input or configuration cannot make a drill. Raised by Plan only: nothing exists yet."""


class DeadlineExceeded(DrillError):
    """When a step is called past its budget of time or calls."""


class NotOurs(DrillError):
    """When a resource bears a planned name but not the tags of this run: it is never touched."""


class RestoreFailed(DrillError):
    """When the restored cluster or its instance is in a state that never becomes available."""


class OutputTooLarge(DrillError):
    """When a step's answer would not fit into the document (32 KiB an answer)."""


class EvidenceMissing(DrillError):
    """When an object that a step relies on is not in the evidence bucket."""


class SourceChanged(DrillError):
    """When the source is not what it was when the run began: failed over, or recreated."""


class SettingsError(DrillError):
    """When the environment of a function lacks a setting or holds one that cannot be read."""


class LoginRefused(DrillError):
    """When the server answers and does not let the role in: `sqlstate`, where the driver tells."""

    def __init__(self, message: str, *, sqlstate: str = "") -> None:
        """Keep the state beside the message."""
        super().__init__(message)
        self.sqlstate = sqlstate


class NotReachable(DrillError):
    """When no server answers yet: no address, no connection, or still starting up."""


class TlsFailed(DrillError):
    """When no connection can be made that is encrypted and whose certificate is verified."""
