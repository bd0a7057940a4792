"""The look at clusters between drills, against the emulator and a real server."""
