"""Whether other programs are at work: speed measured beside them says little."""

import time
from pathlib import Path

SAMPLE_SECONDS = 1.0
# The kernel's own threads take a little; a whole core in use is more than this on any machine up to twenty cores.
BUSY = 0.05


def busy_share(stat: Path = Path("/proc/stat")) -> float:
    """The part of all processor time in use, 0 to 1, looked at for a second; 0 where the system does not say."""
    before = _ticks(stat)
    time.sleep(SAMPLE_SECONDS)
    after = _ticks(stat)
    total = sum(after) - sum(before)
    return 1 - (_idle(after) - _idle(before)) / total if total > 0 else 0.0


def _ticks(stat: Path) -> list[int]:
    """Time in each state, summed over the cores: user, nice, system, idle, waiting for disks, …"""
    try:
        return [int(part) for part in stat.read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    except (OSError, ValueError, IndexError):
        return []


def _idle(ticks: list[int]) -> int:
    return sum(ticks[3:5])
