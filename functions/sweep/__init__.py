"""The parts of the sweeper: what it looks at, what it deletes, and whom it calls to do so."""
