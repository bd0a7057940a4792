"""Secrets Manager rotation: a new credential works, the old one is dead, someone can get in."""
