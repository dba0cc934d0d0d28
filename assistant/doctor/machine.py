"""The machine: Python, the hardware, and the disk of the data folder."""

import os
import platform
import shutil
from pathlib import Path

from assistant.doctor.checks import Check, gigabytes
from assistant.hardware import Gpu, Hardware
from assistant.settings import EngineSettings

# Free space below which an ingestion may not end well.
LOW_DISK_GB = 1.0


def python() -> Check:
    return Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def hardware(engine: EngineSettings, here: Hardware) -> Check:
    parts = [here.processor, f"{here.cores} cores" if here.cores > 1 else "1 core", _memory(here)]
    parts += [_card(gpu) for gpu in here.gpus]
    parts += [f"{name}, which no engine uses" for name in here.others]
    detail = ", ".join(parts)
    if here.obstacle:
        return Check("hardware", "warning", f"{detail}. {here.obstacle.problem}", here.obstacle.remedy)
    if here.gpus and engine.kind == "openvino":
        detail += f'; the engine "{engine.kind}" uses the processor alone'
    return Check("hardware", "ok", detail)


def _memory(here: Hardware) -> str:
    return f"{gigabytes(here.memory_bytes)} of memory" if here.memory_bytes else "memory unknown"


def _card(gpu: Gpu) -> str:
    return f"{gpu.name} with {gigabytes(gpu.memory_bytes)} ({gigabytes(gpu.free_bytes)} free, {gpu.dtype})"


def data_folder(folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _unwritable(folder, str(error.strerror))
    if not os.access(folder, os.W_OK):
        return _unwritable(folder, "it may not be written to")
    free = shutil.disk_usage(folder).free / 1e9
    detail = f"{folder}, {free:.1f} GB free"
    if free < LOW_DISK_GB:
        return Check("data folder", "warning", detail, "Free some space, or choose another disk with --data-dir.")
    return Check("data folder", "ok", detail)


def _unwritable(folder: Path, reason: str) -> Check:
    return Check("data folder", "problem", f"{folder}: {reason}.", "Choose another one with --data-dir.")
