"""Multiplying in whole numbers of 8 bits, where a processor does that faster than anything else.

The weights are rounded once, each row of a matrix by its own scale; OpenVINO rounds what they are multiplied with as it
goes, in groups. On two cores of an AMD EPYC a question's sentences are embedded in four fifths of bfloat16's time.
"""

from pathlib import Path
from typing import Any

import numpy as np

# Numbers that share a scale. Cosines with the model's own vectors are 0.999 in the mean, and above 0.994 for a single
# word; with 128 they are 0.999 and 0.990, and a tenth of the time is gained.
GROUP = 64
SETTINGS = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": str(GROUP), "INFERENCE_PRECISION_HINT": "f32"}
# What the instructions are called that multiply whole numbers, and those that multiply bfloat16 as fast.
_WHOLE, _AS_FAST = {"avx512_vnni", "avx_vnni"}, {"amx_bf16"}


def pays(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor is said to gain by it. Only Linux says."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    flags = {flag for line in lines if line.startswith("flags") for flag in line.split()}
    return bool(flags & _WHOLE) and not flags & _AS_FAST


def quantize(model: Any) -> None:
    """Round the weights of an OpenVINO model that something is multiplied with, in place."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "MatMul" and node.get_attributes()["transpose_b"]:
            weights = node.input_value(1).get_node()
            if weights.get_type_name() == "Constant" and weights.data.ndim == 2:
                node.input(1).replace_source_output(_rounded(weights.data.astype(np.float32)).output(0))


def _rounded(weights: np.ndarray) -> Any:
    from openvino import opset13

    scale = np.abs(weights).max(axis=1, keepdims=True).clip(1e-12) / 127
    whole = opset13.constant(np.round(weights / scale).astype(np.int8))
    return opset13.multiply(opset13.convert(whole, "f32"), opset13.constant(scale))
