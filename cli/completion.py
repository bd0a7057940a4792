"""`python -m cli completion SHELL`: the command `drills`, whose words the Tab key completes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

from argcomplete.shell_integration import shellcode

NAME: Final = "drills"
ROOT: Final = Path(__file__).parent.parent

_FILES: Final = {"bash": "~/.drills.bash", "zsh": "~/.drills.zsh"}
_STARTS: Final = {"bash": "~/.bashrc", "zsh": "~/.zshrc"}
_FISH: Final = "~/.config/fish/conf.d/drills.fish"


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
    return f"{_how(shell)}{command}\n{completed}"


def _how(shell: str) -> str:
    """How to switch it on, as comments.

    >>> print(_how("bash"), end="")
    # in this shell: eval "$(python -m cli completion bash)"
    # in every one: python -m cli completion bash > ~/.drills.bash
    #               echo '. ~/.drills.bash' >> ~/.bashrc
    >>> print(_how("fish"), end="")
    # in this shell: python -m cli completion fish | source
    # in every one: python -m cli completion fish > ~/.config/fish/conf.d/drills.fish
    """
    made = f"python -m cli completion {shell}"
    if shell == "fish":
        return f"# in this shell: {made} | source\n# in every one: {made} > {_FISH}\n"
    kept, start = _FILES[shell], _STARTS[shell]
    later = ", after its compinit" if shell == "zsh" else ""
    return (
        f'# in this shell: eval "$({made})"\n'
        f"# in every one: {made} > {kept}\n"
        f"#               echo '. {kept}' >> {start}{later}\n"
    )
