"""The operator's command line: `python -m cli restore-bucket BUCKET --at TIME`."""
