"""True and false sentences made from any corpus, to measure how well the check of sentences tells them apart.

    python -m tests.perturb CORPUS.jsonl [--count 600] [--seed 0] > FILE
    assistant eval grounding FILE

A line of the corpus is an object with a "text". Each kind of line in FILE is made by one function below, from a
sentence of the corpus, by general patterns of English. The word lists here are written for this module, and the check
does not read them: what the check knows must come from elsewhere, or it would only be asked what it was told.
"""

import argparse
import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.words import sentences

WORDS = range(8, 36)
OTHER_PASSAGES = 3
ATTEMPTS = 400

OPPOSITES = [
    tuple(pair.split("/"))
    for pair in """
    increase/decrease increases/decreases increased/decreased higher/lower high/low larger/smaller large/small
    more/fewer before/after first/last always/never early/late long/short longer/shorter fast/slow faster/slower
    positive/negative start/end begins/ends opens/closes opened/closed open/closed enable/disable enabled/disabled
    include/exclude includes/excludes allowed/forbidden allow/forbid allows/forbids accept/reject accepted/rejected
    add/remove added/removed strong/weak stronger/weaker true/false valid/invalid active/inactive public/private
    internal/external input/output maximum/minimum upper/lower inside/outside above/below same/different
    common/rare old/new easy/difficult simple/complex possible/impossible required/optional success/failure
    good/bad better/worse best/worst left/right top/bottom up/down gain/loss benefits/harms
    promote/inhibit promotes/inhibits activated/inhibited activation/inhibition upregulated/downregulated
    presence/absence present/absent healthy/ill acute/chronic male/female males/females most/least
    known/unknown encode/decode encoding/decoding local/global static/dynamic mutable/immutable
    read/write import/export buy/sell legal/illegal safe/dangerous rich/poor cheap/expensive win/lose
    temporary/permanent permanent/temporary natural/artificial many/few often/seldom usually/rarely
    """.split()
]
NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve".split()
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
UNITS = [
    group.split()
    for group in (
        "seconds minutes hours days weeks months years decades",
        "second minute hour day week month year",
        "mm cm km",
        "mg kg g",
        "meters feet miles kilometers inches",
        "bytes kilobytes megabytes gigabytes bits",
        "KB MB GB TB",
        "dollars euros pounds yen",
        "patients hospitals countries",
        "ms min",
    )
]
# Pairs that may stand for one another in nearly any sentence.
SYNONYMS = [
    tuple(pair.split("/"))
    for pair in """
    show/demonstrate shows/demonstrates showed/demonstrated usually/normally begin/start begins/starts
    however/nevertheless several/various important/significant large/big obtain/get obtained/gotten
    require/need requires/needs also/additionally build/construct quickly/rapidly allows/permits
    allow/permit help/assist helps/assists choose/select chosen/selected purchase/buy often/frequently
    whole/entire error/mistake errors/mistakes main/principal modify/change modified/changed
    created/made creates/makes called/named entire/whole sufficient/enough
    """.split()
]
PHRASES = [
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("cannot", "can't"),
    ("can not", "cannot"),
    ("was not", "wasn't"),
    ("in order to", "to"),
    ("for example", "e.g."),
    ("for instance", "for example"),
    ("such as", "like"),
    ("due to", "because of"),
    ("a number of", "several"),
    ("as well as", "and"),
    ("at least", "no less than"),
    ("more than", "over"),
    ("United States", "US"),
    ("percent", "%"),
    ("is able to", "can"),
    ("are able to", "can"),
    ("must", "has to"),
]
LEADS = ("According to the text, ", "In short, ", "Note that ", "In other words, ", "As described, ")
CONNECTIVES = re.compile(r"^(?:However|Moreover|Furthermore|In addition|Thus|Therefore|Also|Additionally|Finally), ")
AUXILIARIES = "is are was were can could may might will would should must has have had does do".split()
_AUXILIARY = re.compile(rf"\b({'|'.join(AUXILIARIES)})\b(?! not\b|n't)")
_SUBJECT = re.compile(
    r"^((?:The|A|An|[A-Z][\w-]+s)(?: (?!that|which|who|you|to|if|when)[\w-]+){0,4}?) "
    r"(is|are|was|were|can|will|has|have) "
)
_PRONOUNS = frozenset("This Its His As Others Yes Besides Perhaps Sometimes Always Unless Does Is Was Has".split())
_DIGITS = re.compile(r"(?<![\w.,:/-])\d+(?:[.,]\d+)*(?![\w/:-]|[.,]\d)")


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence, the text it stands in, and other texts of the same corpus."""

    sentence: str
    text: str
    others: tuple[str, ...]

    @property
    def passages(self) -> tuple[str, ...]:
        return (self.text, *self.others)


Change = Callable[[Place, random.Random], str | None]


def _replace(sentence: str, match: re.Match[str], new: str) -> str:
    return sentence[: match.start()] + new + sentence[match.end() :]


def _capital_like(new: str, old: str) -> str:
    return new[0].upper() + new[1:] if old[0].isupper() else new


def _one(pattern: str | re.Pattern[str], text: str, chance: random.Random) -> re.Match[str] | None:
    found = list(re.finditer(pattern, text))
    return chance.choice(found) if found else None


def verbatim(place: Place, chance: random.Random) -> str | None:
    return place.sentence


def number(place: Place, chance: random.Random) -> str | None:
    if match := _one(_DIGITS, place.sentence, chance):
        position = chance.choice([i for i, c in enumerate(match[0]) if c.isdigit()])
        digit = chance.choice([d for d in "123456789" if d != match[0][position]])
        new = match[0][:position] + digit + match[0][position + 1 :]
    elif match := _one(rf"\b(?:{'|'.join(NUMBER_WORDS)})\b", place.sentence, chance):
        new = chance.choice([word for word in NUMBER_WORDS if word != match[0]])
    else:
        return None
    return None if re.search(rf"\b{re.escape(new)}\b", place.text) else _replace(place.sentence, match, new)


def unit(place: Place, chance: random.Random) -> str | None:
    amount = rf"(?<=\d )(?:{'|'.join(u for group in UNITS for u in group)})\b"
    words = rf"(?<=\b(?:two|six|ten) )(?:{'|'.join(UNITS[0])})\b"
    match = _one(amount, place.sentence, chance) or _one(words, place.sentence, chance)
    if not match:
        return None
    group = next(group for group in UNITS if match[0] in group)
    return _replace(place.sentence, match, chance.choice([u for u in group if u != match[0]]))


def date(place: Place, chance: random.Random) -> str | None:
    for values in (MONTHS, DAYS):
        listed = "|".join(value for value in values if value != "May")
        if match := _one(rf"\b(?:{listed})\b", place.sentence, chance):
            return _replace(place.sentence, match, chance.choice([v for v in values if v != match[0]]))
    if match := _one(r"(?<![\w.-])(?:1[89]|20)\d\d(?![\w-])", place.sentence, chance):
        return _replace(place.sentence, match, str(int(match[0]) + chance.choice([-20, -3, -1, 1, 2, 10])))
    return None


def _names(text: str) -> list[re.Match[str]]:
    found = re.finditer(r"(?<=[a-z,] )[A-Z][a-z]{3,}\b", text)
    return [match for match in found if match[0] not in MONTHS + DAYS]


def name(place: Place, chance: random.Random) -> str | None:
    found = _names(place.sentence)
    new = [match[0] for other in place.others for match in _names(other)]
    whole = " ".join(place.passages)
    new = [one for one in new if one not in place.text] or [
        one for one in ("Denmark", "Oxford", "Siemens", "Newton", "Boston", "Kepler") if one not in whole
    ]
    return _replace(place.sentence, chance.choice(found), chance.choice(new)) if found and new else None


def negation(place: Place, chance: random.Random) -> str | None:
    if match := _one(r"\b(is|are|was|were|can|could|may|will|should|must|has|have) not\b", place.sentence, chance):
        return _replace(place.sentence, match, match[1])
    if match := _one(r"\b(?:do|does|did) not ", place.sentence, chance):
        return _replace(place.sentence, match, "")
    match = _AUXILIARY.search(place.sentence)
    if not match or match[1] in ("do", "does"):
        return None
    return _replace(place.sentence, match, f"{match[1]} not")


def opposite(place: Place, chance: random.Random) -> str | None:
    pairs = {word: other for a, b in OPPOSITES for word, other in ((a, b), (b, a))}
    match = _one(rf"\b(?:{'|'.join(pairs)})\b", place.sentence, chance)
    return _replace(place.sentence, match, pairs[match[0]]) if match else None


def subject(place: Place, chance: random.Random) -> str | None:
    """The subject of another sentence of these passages takes the place of this one's; or two sides change places."""
    if compared := re.fullmatch(r"((?:\S+ ){1,4}?)((?:is|are|was|were) \S+ than) ((?:\S+ ){0,3}\S+)\.", place.sentence):
        return f"{compared[3][0].upper()}{compared[3][1:]} {compared[2]} {compared[1].strip()}."
    own = _SUBJECT.match(place.sentence)
    if not own or own[1] in _PRONOUNS:
        return None
    others = [_SUBJECT.match(" ".join(s.split())) for s in sentences(place.text) if s != place.sentence]
    new = [
        other[1]
        for other in others
        if other and other[2] == own[2] and not _share(other[1], own[1]) and other[1] not in _PRONOUNS
    ]
    return f"{chance.choice(new)}{place.sentence[own.end(1) :]}" if new else None


def _share(a: str, b: str) -> bool:
    return bool({w.lower()[:5] for w in a.split() if len(w) > 3} & {w.lower()[:5] for w in b.split() if len(w) > 3})


def elsewhere(place: Place, chance: random.Random) -> str | None:
    return None  # is made of another text's sentence; see `lines`


def _synonym(text: str, chance: random.Random) -> str:
    pairs = {word: other for a, b in SYNONYMS for word, other in ((a, b), (b, a))}
    match = _one(rf"\b(?:{'|'.join(pairs)})\b", text, chance)
    return _replace(text, match, pairs[match[0]]) if match else text


def _phrase(text: str, chance: random.Random) -> str:
    there = [(old, new) for old, new in PHRASES if re.search(rf"\b{old}\b", text)]
    if not there:
        return text
    old, new = chance.choice(there)
    return re.sub(rf"\b{old}\b", new, text, count=1)


def _order(text: str, chance: random.Random) -> str:
    """`If a, b.` as `B if a.`, and a list of two turned round."""
    if match := re.fullmatch(r"(If|When|Because|Although|After|Before|While) ([^,]+), ([a-z][^,]+)\.", text):
        return f"{match[3][0].upper()}{match[3][1:]} {match[1].lower()} {match[2]}."
    if match := re.fullmatch(r"([A-Z][^,]+) (if|when|because|although|while) ([a-z][^,]+)\.", text):
        first = match[1].split()[0]
        rest = match[1] if first.isupper() or first not in _LOWERABLE else match[1][0].lower() + match[1][1:]
        return f"{match[2].capitalize()} {match[3]}, {rest}."
    return text


_LOWERABLE = frozenset("The A An This These You It They We In Our All Some Many If When".split())


def _listing(text: str, chance: random.Random) -> str:
    match = _one(r"(?<=[a-z] )([a-z]{4,}) (and|or) ([a-z]{4,})(?=[.,])", text, chance)
    return _replace(text, match, f"{match[3]} {match[2]} {match[1]}") if match else text


def _figure(text: str, chance: random.Random) -> str:
    values = {str(i): word for i, word in enumerate(NUMBER_WORDS, start=2)}
    values |= {word: value for value, word in values.items()}
    match = _one(rf"(?<![\w.,-])(?:{'|'.join(values)})(?= [a-z]{{3}})", text, chance)
    return _replace(text, match, values[match[0]]) if match else text


def _shorter(text: str, chance: random.Random) -> str:
    without = re.sub(r" \([^()]*\)", "", CONNECTIVES.sub("", text), count=1)
    return without[0].upper() + without[1:] if len(without.split()) >= 6 else text


def _led(text: str, chance: random.Random) -> str:
    return chance.choice(LEADS) + text[0].lower() + text[1:] if text.split()[0] in _LOWERABLE else text


def reworded(place: Place, chance: random.Random) -> str | None:
    """One to three changes that keep the meaning."""
    text = place.sentence
    changes = [_synonym, _phrase, _order, _listing, _figure, _shorter]
    wanted = chance.randint(1, 3)
    for change in [*chance.sample(changes, len(changes)), _led]:
        changed = change(text, chance)
        wanted -= changed != text
        text = changed
        if not wanted:
            break
    return text if text != place.sentence else None


TRUE: dict[str, Change] = {"verbatim": verbatim, "reworded": reworded}
FALSE: dict[str, Change] = {
    "number": number,
    "unit": unit,
    "date": date,
    "name": name,
    "negation": negation,
    "opposite": opposite,
    "subject": subject,
    "elsewhere": elsewhere,
}


def usable(text: str) -> list[str]:
    """The sentences of a text that state something, on one line."""
    flat = [" ".join(sentence.split()) for sentence in sentences(text)]
    return [s for s in flat if len(s.split()) in WORDS and re.fullmatch(r"[A-Z].*[a-z0-9)`]\.", s)]


def lines(texts: Sequence[str], count: int, seed: int) -> Iterator[dict[str, object]]:
    """`count` lines, as many true as false ones, the false ones spread over their kinds; the same for the same seed."""
    chance = random.Random(seed)
    told = [(i, found) for i, text in enumerate(texts) if (found := usable(text))]
    # As many true as false lines: half of the turns go to the kinds of FALSE, one after the other.
    turns = [kind for false in FALSE for kind in (false, chance.choice(["verbatim", "reworded", "reworded"]))]
    for turn in range(count):
        kind = turns[turn % len(turns)]
        made = _made(kind, texts, told, chance)
        if made:
            yield made


def _made(
    kind: str, texts: Sequence[str], told: Sequence[tuple[int, list[str]]], chance: random.Random
) -> dict[str, object] | None:
    change = (TRUE | FALSE)[kind]
    for _ in range(ATTEMPTS):
        place = _place(texts, told, chance)
        claim = chance.choice(chance.choice(told)[1]) if kind == "elsewhere" else change(place, chance)
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
    return Place(chance.choice(found), texts[index], tuple(dict.fromkeys([*near, *others]))[:OTHER_PASSAGES])


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
