"""What is found out about a machine, from fakes of what a machine tells."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.hardware import (
    MIB,
    Gpu,
    Run,
    TorchBuild,
    detect,
    judge_torch,
    nvidia_gpus,
    other_accelerators,
    processor_name,
    torch_build,
    usable_cores,
    usable_memory,
    visible,
)

T4 = "0, GPU-aaaa-1, Tesla T4, 15360, 15000, 7.5"
H100 = "1, GPU-bbbb-2, NVIDIA H100 80GB HBM3, 81559, 81079, 9.0"


def saying(text: str) -> Run:
    return lambda command: text


def absent(command: Sequence[str]) -> str:
    raise FileNotFoundError(command[0])


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def test_cards_are_read_from_the_drivers_tool() -> None:
    gpus = visible(nvidia_gpus(saying(f"{T4}\n{H100}\n")), None)
    assert gpus[0] == Gpu("Tesla T4", 15360 * MIB, 15000 * MIB, (7, 5))
    assert [gpu.dtype for gpu in gpus] == ["float16", "bfloat16"]


def test_an_old_driver_that_knows_no_capability_is_asked_again_without_it() -> None:
    def old(command: Sequence[str]) -> str:
        if "compute_cap" in command[1]:
            raise subprocess.CalledProcessError(2, command)
        return "0, GPU-a, Tesla K80, 11441, 11441\n"

    (card,) = nvidia_gpus(old)
    assert (card.gpu.name, card.gpu.capability) == ("Tesla K80", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n",
        "0, GPU-a, Orin, [N/A], [N/A], 8.7\n",
        "0, GPU-a\n",
        "0, GPU-a, Odd, -5, 0, 8.0\n",
        "No devices were found\n",
    ],
)
def test_what_the_drivers_tool_says_amiss_is_no_card(text: str) -> None:
    assert nvidia_gpus(saying(text)) == ()


@given(st.text(max_size=200))
def test_no_output_of_the_drivers_tool_ends_the_looking(text: str) -> None:
    nvidia_gpus(saying(text))


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("nvidia-smi"),
        PermissionError("nvidia-smi"),
        subprocess.TimeoutExpired("nvidia-smi", 2),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ],
)
def test_a_tool_that_is_absent_broken_or_hangs_is_no_card(error: Exception) -> None:
    def failing(command: Sequence[str]) -> str:
        raise error

    assert nvidia_gpus(failing) == ()


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (None, ["Tesla T4", "NVIDIA H100 80GB HBM3"]),
        ("", []),
        ("-1", []),
        ("1", ["NVIDIA H100 80GB HBM3"]),
        ("1,0", ["NVIDIA H100 80GB HBM3", "Tesla T4"]),
        ("GPU-bbbb", ["NVIDIA H100 80GB HBM3"]),
        ("0,7,1", ["Tesla T4"]),
    ],
)
def test_only_cards_that_this_process_may_see_count(chosen: str | None, names: list[str]) -> None:
    listed = nvidia_gpus(saying(f"{T4}\n{H100}\n"))
    assert [gpu.name for gpu in visible(listed, chosen)] == names


def test_the_limit_of_a_container_counts_when_it_is_lower(tmp_path: Path) -> None:
    whole = usable_memory(tmp_path)
    write(tmp_path, "sys/fs/cgroup/memory.max", "2147483648\n")
    write(tmp_path, "sys/fs/cgroup/cpu.max", "50000 100000\n")
    assert (usable_memory(tmp_path), usable_cores(tmp_path)) == (min(whole or 2**31, 2**31), 1)


def test_no_limit_leaves_what_the_machine_has(tmp_path: Path) -> None:
    whole, cores = usable_memory(tmp_path), usable_cores(tmp_path)
    write(tmp_path, "sys/fs/cgroup/memory.max", "max\n")
    write(tmp_path, "sys/fs/cgroup/cpu.max", "max 100000\n")
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    assert (usable_memory(tmp_path), usable_cores(tmp_path)) == (whole, cores)


def test_the_limit_of_a_group_above_holds_too(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/user.slice/job.scope\n")
    write(tmp_path, "sys/fs/cgroup/user.slice/memory.max", "1000000\n")
    write(tmp_path, "sys/fs/cgroup/user.slice/job.scope/memory.max", "max\n")
    assert usable_memory(tmp_path) == 1_000_000


def test_the_older_kind_of_control_group_is_read(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\nnonsense\n")
    write(tmp_path, "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "3000000\n")
    assert usable_memory(tmp_path) == 3_000_000


def test_a_machine_that_tells_nothing_still_has_a_name_and_a_core(tmp_path: Path) -> None:
    hardware = detect(root=tmp_path, environment={}, run=absent)
    assert (hardware.gpus, hardware.others) == ((), ())
    assert hardware.processor
    assert hardware.cores >= 1


def test_the_processor_has_its_makers_name(tmp_path: Path) -> None:
    write(tmp_path, "proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD Ryzen 7 7840U\n")
    assert processor_name(tmp_path) == "AMD Ryzen 7 7840U"


def test_graphics_that_no_engine_uses_are_named(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/drm/card0/device/vendor", "0x1002\n")
    write(tmp_path, "sys/class/drm/card1/device/vendor", "0x9999\n")
    assert other_accelerators(tmp_path) == ("AMD graphics",)


def test_a_card_beside_a_torch_for_processors_is_an_obstacle_with_the_exact_command() -> None:
    gpus = visible(nvidia_gpus(saying(T4)), None)
    obstacle = judge_torch(TorchBuild("2.13.0+cpu", None), gpus, works=lambda: True)
    assert obstacle
    assert "Tesla T4" in obstacle.problem
    assert "torch==2.13.0`" in obstacle.remedy


def test_a_driver_that_torch_cannot_work_with_is_an_obstacle() -> None:
    gpus, build = visible(nvidia_gpus(saying(T4)), None), TorchBuild("2.13.0", "13.0")
    obstacle = judge_torch(build, gpus, works=lambda: False)
    assert obstacle
    assert "driver" in obstacle.remedy
    assert judge_torch(build, gpus, works=lambda: True) is None
    assert judge_torch(None, (), works=lambda: False) is None


def test_the_build_of_torch_is_read_without_importing_it() -> None:
    build = torch_build()
    assert build
    assert build.version.startswith("2.")
