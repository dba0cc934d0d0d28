"""Whether the chat model fits, told with its sums; and which settings would make it fit."""

from dataclasses import replace

from assistant.doctor.checks import Check, gigabytes
from assistant.fit import Change, Fit, Plan, changes, judge
from assistant.hardware import Hardware
from assistant.settings import EngineSettings

# A change that is proposed, and others after it.
MOST_CHANGES = 3


def verdict(engine: EngineSettings, plan: Plan, fit: Fit, hardware: Hardware) -> Check:
    if not hardware.memory_bytes and not hardware.usable_gpus:
        return Check("fit", "warning", f"It needs {gigabytes(fit.needed)}, and the memory here is unknown.")
    if fit.fits and fit.cache <= fit.room and engine.model == "smollm2":
        # It is there to try things out; nobody's waiting depends on how many it serves.
        return Check("fit", "ok", _sums(plan, fit))
    if fit.state == "ok":
        return _beside_others(plan, fit, hardware)
    detail = _sums(plan, fit) if fit.fits else _shortage(plan, fit)
    return Check("fit", fit.state, detail, _remedy(fit, changes(plan, hardware)))


def _sums(plan: Plan, fit: Fit) -> str:
    """Weights, cache and the rest, against what there is."""
    cache = f"{gigabytes(fit.per_conversation)} of cache for a conversation of {plan.context:,} tokens"
    detail = f"{_place(fit)}: {_weights(plan, fit)}, and {cache}; "
    if fit.one_at_a_time:
        return f"{detail}one at a time fits"
    if fit.conversations >= plan.parallel:
        return f"{detail}{plan.parallel} at once need {gigabytes(fit.needed)} in all, with what a step takes"
    where = f"in the {gigabytes(fit.cache)} of cache granted " if fit.cache < fit.room else ""
    return f"{detail}room {where}for {fit.conversations} of {plan.parallel} at full length, the others wait"


def _place(fit: Fit) -> str:
    """The device, with what a program can use of it."""
    return f"{fit.place} ({gigabytes(fit.available)} usable)"


def _weights(plan: Plan, fit: Fit) -> str:
    return f"{'loading takes' if plan.kind == 'openvino' else 'weights'} {gigabytes(fit.weights)}"


def _shortage(plan: Plan, fit: Fit) -> str:
    if fit.weights > fit.available:
        detail = f"{_weights(plan, fit)}, too much for {_place(fit)}"
        return f"{detail}. {_upper(fit.one_at_a_time)}, and a word takes seconds" if fit.one_at_a_time else detail
    each = f"one conversation of {plan.context:,} tokens ({gigabytes(fit.per_conversation)})"
    return f"{_weights(plan, fit)} on {_place(fit)}, which leaves no room for {each} and a step's working memory"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _remedy(fit: Fit, found: tuple[Change, ...]) -> str:
    if not found:
        return ""
    shown = found[:MOST_CHANGES]
    if not fit.fits:
        # The last is another machine, for when nothing here helps.
        shown = (*shown[:-1], found[-1])
    return "Set [engine] " + "; or ".join(_say(change) for change in shown) + "."


def _say(change: Change) -> str:
    if change.fit is None:
        return f"{change.words}, for a server on another machine"
    if change.fit.one_at_a_time or change.fit.conversations == 1:
        return f"{change.words} (then one conversation at a time)"
    return f"{change.words} (then {min(change.fit.conversations, change.fit.wanted)} at once)"


def _beside_others(plan: Plan, fit: Fit, hardware: Hardware) -> Check:
    """It fits the card; whether it also does beside what other programs hold of it now."""
    now = replace(hardware, gpus=tuple(replace(gpu, memory_bytes=gpu.free_bytes) for gpu in hardware.gpus))
    if plan.kind == "transformers" and now.usable_gpus and not judge(plan, now).fits:
        return Check(
            "fit",
            "warning",
            f"{_sums(plan, fit)}; but not beside what other programs hold of it now",
            "`nvidia-smi` says which: end them, unless it is this assistant, already running.",
        )
    return Check("fit", "ok", _sums(plan, fit))
