"""True and false sentences made from any corpus, to measure how well the check of sentences tells them apart.

    python -m tests.perturb CORPUS.jsonl [--count 600] [--seed 0] > FILE
    assistant eval grounding FILE

A line of the corpus is an object with a "text". Each kind of line in FILE is made by one function of `rewordings`
or `falsehoods` from a sentence of the corpus, by general patterns of English. The word lists there are written for
these, and the check does not read them: what the check knows must come from elsewhere, or it would only be asked what
it was told.
"""

import argparse
import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from knowledge.words import sentences
from tests.falsehoods import FALSE
from tests.places import Place
from tests.rewordings import TRUE

WORDS = range(8, 36)
OTHER_PASSAGES = 3
ATTEMPTS = 400


def usable(text: str) -> list[str]:
    """The sentences of a text that state something, on one line."""
    flat = [" ".join(sentence.split()) for sentence in sentences(text)]
    return [s for s in flat if len(s.split()) in WORDS and re.fullmatch(r"[A-Z].*[a-z0-9)`]\.", s)]


def lines(texts: Sequence[str], count: int, seed: int) -> Iterator[dict[str, object]]:
    """`count` lines, as many true as false ones, the false ones spread over their kinds; the same for the same seed."""
    chance = random.Random(seed)
    told = [(i, found) for i, text in enumerate(texts) if (found := usable(text))]
    # As many true as false lines: every other turn goes to the kinds of FALSE, one after the other.
    kinds = (list(FALSE), ["reworded", *TRUE])
    for turn in range(count):
        both, true = divmod(turn, 2)
        made = _made(kinds[true][both % len(kinds[true])], texts, told, chance)
        if made:
            yield made


def _made(
    kind: str, texts: Sequence[str], told: Sequence[tuple[int, list[str]]], chance: random.Random
) -> dict[str, object] | None:
    change = (TRUE | FALSE)[kind]
    for _ in range(ATTEMPTS):
        place = _place(texts, told, chance)
        claim = change(place, chance)
        false = kind in FALSE
        if claim and not (false and any(claim in " ".join(passage.split()) for passage in place.passages)):
            passages = list(place.passages)
            chance.shuffle(passages)
            return {"sentence": claim, "passages": passages, "supported": not false, "kind": kind}
    return None


def _place(texts: Sequence[str], told: Sequence[tuple[int, list[str]]], chance: random.Random) -> Place:
    index, found = chance.choice(told)
    near = [texts[i] for i in (index + 1,) if i < len(texts)]
    others = [texts[i] for i in chance.sample(range(len(texts)), min(OTHER_PASSAGES + 1, len(texts))) if i != index]
    foreign = chance.choice(chance.choice(told)[1])
    return Place(chance.choice(found), texts[index], tuple(dict.fromkeys([*near, *others]))[:OTHER_PASSAGES], foreign)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.perturb", description=__doc__.partition("\n")[0])
    parser.add_argument("corpus", type=Path, help='a JSON Lines file whose objects have a "text"')
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    texts = [
        json.loads(line)["text"] for line in chosen.corpus.read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    for line in lines(texts, chosen.count, chosen.seed):
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
