"""How fast memory can be read: what bounds the speed of one stream, since every token reads all weights."""

import time
from typing import Any

# Far more than any cache holds.
GPU_BYTES = 4 << 30
CPU_BYTES = 1 << 30
ROUNDS = 10


def measure_bandwidth() -> float:
    """Bytes a second that the GPU, or else the processor, reads at best: the quickest of ten sums of a large array.

    Writing a token reads every weight and stores next to nothing, so what bounds it is reading alone. A copy, the
    usual measure, reads and stores in equal parts.
    """
    import torch

    on_gpu = torch.cuda.is_available()
    size = GPU_BYTES if on_gpu else CPU_BYTES
    numbers = torch.ones(size // 4, device="cuda" if on_gpu else "cpu", dtype=torch.float32)
    seconds = min(_seconds_to_read(numbers) for _ in range(ROUNDS))
    del numbers
    if on_gpu:
        torch.cuda.empty_cache()
    return size / seconds


def _seconds_to_read(numbers: Any) -> float:
    started = time.perf_counter()
    numbers.sum().item()  # waits for a GPU, which otherwise goes on by itself
    return time.perf_counter() - started
