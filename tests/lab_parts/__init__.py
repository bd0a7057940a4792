"""The parts of the lab, each with the real servers."""
