"""Figures of what was judged: shares, means and the area under a curve, rounded to four places; None of nothing."""

from collections.abc import Sequence

import numpy as np

PLACES = 4


def mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), PLACES) if values else None


def share(held: Sequence[bool]) -> float | None:
    """The share, 0 to 1, of those that are true."""
    return mean([float(one) for one in held])


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """The chance, 0 to 1, that a positive one scores above a negative one, a tie being half of it.

    Hanley and McNeil, The Meaning and Use of the Area under a Receiver Operating Characteristic Curve (1982).
    """
    if not positive or not negative:
        return None
    above = np.subtract.outer(np.asarray(positive, dtype=float), np.asarray(negative, dtype=float))
    return round(float(np.mean((above > 0) + 0.5 * (above == 0))), PLACES)
