"""Who sits at this terminal."""

import getpass
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant import Caller


def caller() -> "Caller":
    """The operating system's user and groups, by name; by number where they have none.

    They are asked of the system, not of environment variables, which anybody may set.
    """
    from assistant import Caller

    try:
        import grp
        import pwd
    except ImportError:  # Windows
        return Caller(getpass.getuser())
    user = _named(lambda number: pwd.getpwuid(number).pw_name, os.getuid())
    numbers = {os.getgid(), *os.getgroups()}
    return Caller(user, groups=tuple(sorted(_named(lambda n: grp.getgrgid(n).gr_name, number) for number in numbers)))


def _named(look_up: "Callable[[int], str]", number: int) -> str:
    try:
        return look_up(number)
    except KeyError:  # such as in a container that is run as some number
        return str(number)
