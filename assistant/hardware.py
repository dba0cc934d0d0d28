"""What this process may compute with: processor, memory and graphics cards.

Nothing heavy is imported to find out: cards are asked for through `nvidia-smi`, and torch only where its answer counts.
"""

import csv
import importlib.util
import math
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SMI_SECONDS = 2.0
SMI_COLUMNS = ("index", "uuid", "name", "memory.total", "memory.free", "compute_cap")
MIB = 2**20
# Vendors of graphics cards by their PCI number, for cards that no engine here uses.
VENDORS = {"0x1002": "AMD graphics", "0x10de": "NVIDIA graphics"}

# Runs a program and returns what it prints; raises OSError or a SubprocessError.
Run = Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card that CUDA programs may use. `capability` is CUDA's version of what it can do; None when unknown."""

    name: str
    memory_bytes: int
    free_bytes: int
    capability: tuple[int, int] | None = None

    @property
    def dtype(self) -> str:
        """The 16-bit type that models compute in there: cards before Ampere have no bfloat16."""
        return "float16" if self.capability and self.capability[0] < 8 else "bfloat16"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the cards cannot be used, and what to do about it."""

    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Hardware:
    """`memory_bytes` is 0 when unknown; `others` are accelerators that no engine here uses."""

    processor: str
    cores: int
    memory_bytes: int
    gpus: tuple[Gpu, ...] = ()
    others: tuple[str, ...] = ()
    obstacle: Obstacle | None = None

    @property
    def usable_gpus(self) -> tuple[Gpu, ...]:
        return () if self.obstacle else self.gpus


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """Which devices an installed torch was built for. `cuda` is the version it was built with."""

    version: str
    cuda: str | None
    hip: str | None = None


def detect(
    *,
    with_torch: bool = False,
    root: Path = Path("/"),
    environment: Mapping[str, str] = os.environ,
    run: Run | None = None,
) -> Hardware:
    """Look, and never fail. `with_torch` also asks whether torch can use the cards, which may take a few seconds."""
    gpus = visible(nvidia_gpus(run or _run), environment.get("CUDA_VISIBLE_DEVICES"))
    obstacle = None
    if with_torch:
        gpus, obstacle = _as_torch_sees(gpus)
    return Hardware(
        processor=processor_name(root),
        cores=usable_cores(root),
        memory_bytes=usable_memory(root),
        gpus=gpus,
        others=() if gpus else other_accelerators(root),
        obstacle=obstacle,
    )


# -- processor and memory


def processor_name(root: Path = Path("/")) -> str:
    text = _read(root / "proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine() or "unknown processor"


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process may run on: a container's share counts, not what the machine has."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such call
        cores = os.cpu_count() or 1
    quotas = [math.ceil(quota) for quota in _cpu_quotas(root)]
    return max(1, min([cores, *quotas]))


def usable_memory(root: Path = Path("/")) -> int:
    """Bytes of main memory; a container's limit when it is lower. 0 when the system does not say."""
    limits = [limit for limit in (_physical_memory(), *_memory_limits(root)) if limit > 0]
    return min(limits, default=0)


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def _cpu_quotas(root: Path) -> Iterable[float]:
    for folder in _cgroups(root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
        if not quota:
            quota, period = _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
        if quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0:
            yield int(quota) / int(period)


def _memory_limits(root: Path) -> Iterable[int]:
    for folder in _cgroups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            text = _read(folder / name).strip()
            if text.isdigit():
                yield int(text)


def _cgroups(root: Path, controller: str) -> Iterable[Path]:
    """The control groups of this process, its own first; a limit of any of them holds. Versions 2 and 1."""
    mount = root / "sys/fs/cgroup"
    yield from (mount, mount / controller)  # in a container its own group is mounted here
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        base = mount / controller if controllers else mount
        parts = [part for part in path.split("/") if part not in ("", "..")]
        yield from (base.joinpath(*parts[:depth]) for depth in range(len(parts), 0, -1))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


# -- cards


@dataclass(frozen=True, slots=True)
class Listed:
    """A card as the driver's tool lists it, with the names that CUDA_VISIBLE_DEVICES may call it by."""

    index: str
    uuid: str
    gpu: Gpu

    def is_called(self, name: str) -> bool:
        return name == self.index or (bool(name) and not name.isdigit() and self.uuid.startswith(name))


def nvidia_gpus(run: Run) -> tuple[Listed, ...]:
    """The NVIDIA cards, in order; none when the driver's tool is absent or says nothing sensible."""
    for columns in (SMI_COLUMNS, SMI_COLUMNS[:-1]):  # old drivers do not know the last
        try:
            text = run(["nvidia-smi", f"--query-gpu={','.join(columns)}", "--format=csv,noheader,nounits"])
        except (OSError, ValueError, subprocess.SubprocessError):
            continue
        return tuple(filter(None, map(_parse_row, csv.reader(text.splitlines(), skipinitialspace=True))))
    return ()


def _parse_row(row: Sequence[str]) -> Listed | None:
    """One card; None for a line that is none, such as a warning or a card that does not tell its memory."""
    try:
        index, uuid, name, total, free = (cell.strip() for cell in row[:5])
        memory = int(total) * MIB
        gpu = Gpu(name, memory, min(int(free) * MIB, memory), _capability(row[5] if len(row) > 5 else ""))
    except ValueError:
        return None
    return Listed(index, uuid, gpu) if index.isdigit() and memory > 0 else None


def _capability(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d+)\.(\d+)", text.strip())
    return (int(found[1]), int(found[2])) if found else None


def visible(listed: Sequence[Listed], chosen: str | None) -> tuple[Gpu, ...]:
    """Those that CUDA_VISIBLE_DEVICES leaves, in its order. As CUDA does, stop at the first that does not exist."""
    if chosen is None:
        return tuple(card.gpu for card in listed)
    found: list[Gpu] = []
    for name in chosen.split(","):
        gpu = next((card.gpu for card in listed if card.is_called(name.strip())), None)
        if gpu is None:
            break
        found.append(gpu)
    return tuple(found)


def other_accelerators(root: Path = Path("/")) -> tuple[str, ...]:
    """Graphics that are here and that no engine uses, by name as far as it is known."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return ("Apple graphics",)
    vendors = sorted(root.glob("sys/class/drm/card[0-9]/device/vendor"))
    return tuple(VENDORS[number] for file in vendors if (number := _read(file).strip()) in VENDORS)


def _run(command: Sequence[str]) -> str:
    # The driver's own tool, found on the path like any program; no shell, and nothing in it that a person typed.
    done = subprocess.run(command, capture_output=True, text=True, timeout=SMI_SECONDS, check=True)  # noqa: S603
    return done.stdout


# -- torch


def torch_build() -> TorchBuild | None:
    """What the installed torch was built for, read and not imported; None when there is no torch."""
    spec = importlib.util.find_spec("torch")
    text = _read(Path(spec.origin).with_name("version.py")) if spec and spec.origin else ""
    version = _assigned(text, "__version__")
    return TorchBuild(version, _assigned(text, "cuda"), _assigned(text, "hip")) if version else None


def _assigned(text: str, name: str) -> str | None:
    found = re.search(rf"^{name}\b[^=\n]*=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    return found[1] if found else None


def judge_torch(build: TorchBuild | None, gpus: Sequence[Gpu], *, works: Callable[[], bool]) -> Obstacle | None:
    """Why torch cannot use the cards that are here; None when it can, or when there are none."""
    if not gpus:
        return None
    if build is None:
        return Obstacle("torch is not installed.", "Run `pip install 'solar-assistant[gpu]'`.")
    if not build.cuda:
        return Obstacle(
            f"torch {build.version} is a build for processors only, so {gpus[0].name} lies idle.",
            reinstall_advice(build),
        )
    if not works():
        return Obstacle(
            f"torch {build.version}, built for CUDA {build.cuda}, does not find {gpus[0].name}.",
            f"Update the NVIDIA driver to one for CUDA {build.cuda} or later.",
        )
    return None


def reinstall_advice(build: TorchBuild) -> str:
    """The same version, built for CUDA, as pip's default index offers it for Linux: no other index is asked."""
    pin = f"torch=={build.version.partition('+')[0]}"
    if platform.system() == "Linux":
        return f"Run `pip uninstall --yes torch && pip --isolated install {pin}`."
    return f"Install the CUDA build of {pin}; PyTorch's page on installing has the command for this system."


def _as_torch_sees(gpus: tuple[Gpu, ...]) -> tuple[tuple[Gpu, ...], Obstacle | None]:
    build = torch_build()
    if gpus:
        return gpus, judge_torch(build, gpus, works=_torch_finds_cards)
    # Without the driver's tool there may still be a card: ask torch, if it was built for any.
    if build and (build.cuda or build.hip):
        return _torch_gpus(), None
    return (), None


def _torch_finds_cards() -> bool:
    import torch

    try:
        return bool(torch.cuda.is_available())
    except Exception:  # noqa: BLE001 (a broken driver raises what it likes)
        return False


def _torch_gpus() -> tuple[Gpu, ...]:
    import torch

    try:
        properties = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    except Exception:  # noqa: BLE001 (as above)
        return ()
    return tuple(Gpu(p.name, p.total_memory, p.total_memory, (p.major, p.minor)) for p in properties)
