"""Formulas in LaTeX as text that can be read where no formula is rendered."""

import re

from pylatexenc.latex2text import LatexNodes2Text

# No formula in an answer is longer, and pylatexenc takes its time with what is nested deeply.
MAX_CHARACTERS = 500
MAX_DEPTH = 12

_RAISED = dict(zip("0123456789+-=()nix", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣ", strict=True))
_LOWERED = dict(zip("0123456789+-=()aeoxhklmnpstij", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼ", strict=True))
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]{1,20})\}|([^\s{}\\^_]))")
# What Markdown would take for emphasis or code.
_LITERAL = str.maketrans({"*": "∗", "`": "'", "~": "∼"})
_CONVERTER = LatexNodes2Text(math_mode="text", keep_comments=True, strict_latex_spaces=False)


def readable(latex: str) -> str | None:
    """The formula in Unicode, such as "x² + √(y)/2"; None when it cannot be told so."""
    if not latex.strip() or len(latex) > MAX_CHARACTERS or _depth(latex) > MAX_DEPTH:
        return None
    try:
        text = _CONVERTER.latex_to_text(_SCRIPT.sub(_script, latex))
    except Exception:  # noqa: BLE001 (it parses whatever a model writes)
        return None
    shown = "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
    return shown.translate(_LITERAL) or None


def _script(found: re.Match[str]) -> str:
    """x^2 and a_{10} as small figures, where Unicode has all of them."""
    table = _RAISED if found.group(1) == "^" else _LOWERED
    text = found.group(2) or found.group(3)
    return "".join(table[c] for c in text) if all(c in table for c in text) else found.group()


def _depth(latex: str) -> int:
    depth = deepest = 0
    for character in latex:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return deepest
