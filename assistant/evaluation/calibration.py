"""The two thresholds of the gate, fitted to judged questions to an owner's own documents, and written into a profile.

A threshold is moved from where it is to where it parts the two kinds of questions best, less far the fewer there are.
How well that will serve is told by figures that are held out: each task is judged by thresholds that were fitted
without its conversation.
"""

import math
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import SettingsError
from assistant.evaluation.answers import Outcome
from assistant.evaluation.figures import mean
from assistant.settings import AnswerSettings

# With fewer questions of a kind there is nothing to fit.
FEWEST = 3
# With fewer than that the result is told to be a rough one.
FEW = 20
FOLDS, REPETITIONS = 5, 10
# To ask back without need is as bad as to leave out this many questions back that were needed.
NEEDLESS = 2.0
# In units of the logarithm of the odds: how soft the step at a threshold is while it is fitted, what moving it by one
# costs beside a share of 1 when there is one question, and how far it may go.
_SOFTNESS, _INERTIA, _FURTHEST = 0.5, 0.5, 4.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """One threshold, 0 to 1, as it was and as it was fitted; `note` says why it was not, or how far to trust it.

    `before` and `after` are shares, 0 to 1, of right decisions, the mean of both kinds of questions: at the threshold
    as it was, and held out. None where nothing was fitted.
    """

    name: str
    was: float
    fitted: float
    before: float | None = None
    after: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """A question's score, 0 to 1; whether it should be above the threshold; and the conversation it belongs to."""

    score: float
    above: bool
    group: str


def calibrate(outcomes: Sequence[Outcome], settings: AnswerSettings) -> list[Threshold]:
    """Both thresholds, fitted as far as there are questions to fit them on."""
    relevant = [
        Scored(one.confidence, one.task.label == "answerable", _conversation(one))
        for one in outcomes
        if one.task.label in ("answerable", "unanswerable")
    ]
    unclear = [
        Scored(one.found["decision"].unclear, one.task.label == "underspecified", _conversation(one))
        for one in outcomes
        if one.task.label in ("answerable", "underspecified")
    ]
    return [
        _threshold("min_relevance", settings.min_relevance, relevant, ("answerable", "unanswerable"), 1.0),
        _threshold("clarify_above", settings.clarify_above, unclear, ("underspecified", "answerable"), NEEDLESS),
    ]


def _conversation(outcome: Outcome) -> str:
    turns = outcome.task.turns
    return turns[0].question if turns else outcome.task.id


def _threshold(name: str, was: float, scored: Sequence[Scored], kinds: tuple[str, str], weight: float) -> Threshold:
    above = sum(one.above for one in scored)
    for kind, count in zip(kinds, (above, len(scored) - above), strict=True):
        if count < FEWEST:
            return Threshold(
                name, was, was, note=f"{name} stays as it is: {count} tasks are {kind}, {FEWEST} are needed."
            )
    fitted = fit(scored, was, weight)
    few = min(above, len(scored) - above) < FEW
    note = (
        f"{name} rests on {above} {kinds[0]} and {len(scored) - above} {kinds[1]} tasks: take it as rough."
        if few
        else ""
    )
    before, after = _right([(one, was) for one in scored]), _right(_held_out(scored, was, weight))
    return Threshold(name, was, fitted, before, after, note)


def fit(scored: Sequence[Scored], was: float, weight: float) -> float:
    """The threshold, 0 to 1 to two places, with the highest share of right decisions among both kinds, those below
    counting `weight` times; each decision is softened, so that single questions do not decide."""
    above = np.asarray([_log_odds(one.score) for one in scored if one.above])
    below = np.asarray([_log_odds(one.score) for one in scored if not one.above])
    start = _log_odds(was)
    tried = np.linspace(-_FURTHEST, _FURTHEST, 321)
    right = _soft(above[:, None] - tried).mean(axis=0) + weight * _soft(tried - below[:, None]).mean(axis=0)
    worth = right - _INERTIA * (tried - start) ** 2 / min(len(above), len(below))
    best = float(tried[int(np.argmax(worth))])
    return round(1.0 / (1.0 + math.exp(-best)), 2)


def _soft(distances: np.ndarray) -> np.ndarray:
    soft: np.ndarray = 1.0 / (1.0 + np.exp(-distances / _SOFTNESS))
    return soft


def _log_odds(share: float) -> float:
    held = min(max(share, 1e-9), 1.0 - 1e-9)
    return min(_FURTHEST, max(-_FURTHEST, math.log(held / (1.0 - held))))


def _held_out(scored: Sequence[Scored], was: float, weight: float) -> list[tuple[Scored, float]]:
    """Each question, as often as it is repeated, with a threshold that was fitted without its conversation."""
    groups = sorted({one.group for one in scored})
    judged: list[tuple[Scored, float]] = []
    for seed in range(REPETITIONS):
        order = random.Random(seed).sample(groups, len(groups))  # noqa: S311 (nothing to keep secret)
        fold = {group: at % FOLDS for at, group in enumerate(order)}
        for number in range(FOLDS):
            others = [one for one in scored if fold[one.group] != number]
            threshold = fit(others, was, weight) if len({one.above for one in others}) == 2 else was
            judged += [(one, threshold) for one in scored if fold[one.group] == number]
    return judged


def _right(judged: Sequence[tuple[Scored, float]]) -> float | None:
    shares = [mean([(one.score >= at) == kind for one, at in judged if one.above == kind]) for kind in (True, False)]
    return mean([one for one in shares if one is not None])


# -- the profile


def profile_lines(thresholds: Sequence[Threshold]) -> str:
    """What to put into a profile, TOML."""
    return "\n".join(["[answers]", *(f"{one.name} = {one.fitted:g}" for one in thresholds)])


def write_profile(path: Path, thresholds: Sequence[Threshold]) -> None:
    """Set the thresholds in a profile, and leave all else in it as it is. Raises SettingsError."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        profile = tomlkit.parse(path.read_text(encoding="utf-8"))
        answers: Any = profile.setdefault("answers", tomlkit.table())
        for one in thresholds:
            answers[one.name] = one.fitted
        _replace(path, tomlkit.dumps(profile))
    except (OSError, UnicodeDecodeError, TOMLKitError, TypeError) as error:
        raise SettingsError(
            f"The thresholds cannot be written into {path}: {error}.",
            "Name a profile of your own, a TOML file that can be written; or copy the lines into it by hand.",
        ) from error


def _replace(path: Path, text: str) -> None:
    """All of the text or, when that fails, what was there before."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).chmod(target.stat().st_mode)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
