"""`python -m cli completion SHELL`: the command `drills`, whose words the Tab key completes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

from argcomplete.shell_integration import shellcode

NAME: Final = "drills"
ROOT: Final = Path(__file__).parent.parent

_HOW: Final = {
    "bash": 'eval "$(python -m cli completion bash)"   # in ~/.bashrc, run from this folder',
    "zsh": 'eval "$(python -m cli completion zsh)"   # in ~/.zshrc, after compinit',
    "fish": "python -m cli completion fish | source   # in ~/.config/fish/config.fish",
}


def script(shell: str) -> str:
    """What a shell has to read: a command that runs from any folder, and its completion."""
    python = shlex.join([sys.executable, "-P", "-m", "cli"])
    root = shlex.quote(str(ROOT))
    if shell == "fish":
        command = f"function {NAME}; PYTHONPATH={root} {python} $argv; end"
    else:
        command = f'{NAME}() {{ PYTHONPATH={root} {python} "$@"; }}'
    completed: str = shellcode([NAME], shell=shell)
    if shell == "zsh":
        # Its first line is for a file of the function path: what is evaluated has none.
        completed = completed.removeprefix(f"#compdef {NAME}\n")
    return f"# {_HOW[shell]}\n{command}\n{completed}"
