"""Copies of a restored server: each has a data directory of its own, and is gone after its use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.damage import Damage, aim, inflict
from lab.driven import Premises
from lab.login_front import LoginFront
from lab.postgres import Server, Servers


class OwnGate:
    """Leaves every password to the server to ask for and to judge."""

    def __init__(self, server: Server) -> None:
        """The gate of a server."""
        self.server = server

    def asks(self, user: str) -> bool:
        """Whether the gate asks the role itself: never."""
        return not user


class Copies(Servers):
    """Servers, of which one can be had again."""

    def duplicate(self, name: str, *, of: Server) -> Server:
        """A server that is stopped, with the data of another one that is. Raises PostgresError.

        Nothing is shared between the two: no link, no archive.
        """
        server = self._add(name)
        self.run_as_lab("cp", "-Rp", str(of.data), str(server.data))
        server.configure({"archive_mode": "off"})
        return server

    def with_checksums(self, name: str, *, of: Server, wanted: bool) -> Server:
        """A server that is stopped, whose pages carry checksums or do not. Raises PostgresError."""
        server = self.duplicate(name, of=of)
        self.set_checksums(server, wanted=wanted)
        return server

    def set_checksums(self, server: Server, *, wanted: bool) -> None:
        """Write checksums that fit into every page of a server that is stopped, or have none."""
        if self.has_checksums(server) is not wanted:
            option = "--enable" if wanted else "--disable"
            self.run("pg_checksums", option, "--no-sync", "-D", server.data)

    def has_checksums(self, server: Server) -> bool:
        """Whether the pages of a server carry checksums."""
        told = self.run("pg_controldata", server.data)
        (version,) = (
            line.rpartition(":")[2].strip()
            for line in told.splitlines()
            if line.startswith("Data page checksum version")
        )
        return version != "0"

    def damage(self, server: Server, damage: Damage, database: str) -> None:
        """Do a damage to a restored server that runs. Raises NotACopy."""
        with server.connect(database) as connection:
            inflict(damage, connection)
            edit = aim(damage, connection) if damage.at_rest else None
        if edit:
            server.stop()
            edit(server.data)
            if damage.fitting_checksums and self.has_checksums(server):
                self.set_checksums(server, wanted=False)
                self.set_checksums(server, wanted=True)
            server.start()


@contextmanager
def opened(premises: Premises, server: Server) -> Iterator[None]:
    """With a door in front of a server, where the server itself asks for the password."""
    door = premises.doors[server.socket] = LoginFront(context=premises.authority.context)
    door.open(OwnGate(server))  # type: ignore[arg-type]  # what a door asks of a gate
    try:
        yield
    finally:
        premises.doors.pop(server.socket).release()
