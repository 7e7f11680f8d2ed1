"""Shell completion knows the commands and the choices of an option."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scartools.cli import app


def completed(words: str, position: int) -> list[str]:
    """Ask as bash does, through the environment."""
    environment = {
        **os.environ,
        "_SCARTOOLS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(position),
    }
    done = subprocess.run(
        [sys.executable, "-m", "scartools"], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.split()


@pytest.mark.parametrize("name", app.COMMANDS)
def test_a_command_is_completed(name):
    assert name in completed(f"scartools {name[:3]}", 1)


def test_the_choices_of_an_option_are_completed():
    assert "mid-septum" in completed("scartools aha17 --anchor ", 3)
