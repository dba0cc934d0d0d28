"""Sentences that a passage does not bear out, each made from one that it does by a single change."""

import random
import re

from tests.places import NUMBER_WORDS, Change, Place, begun, one, replace

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
AUXILIARIES = "is are was were can could may might will would should must has have had does do".split()
_AUXILIARY = re.compile(rf"\b({'|'.join(AUXILIARIES)})\b(?! not\b|n't)")
_SUBJECT = re.compile(
    r"^((?:The|A|An|[A-Z][\w-]+s)(?: (?!that|which|who|you|to|if|when)[\w-]+){0,4}?) "
    r"(is|are|was|were|can|will|has|have) "
)
_PRONOUNS = frozenset("This Its His As Others Yes Besides Perhaps Sometimes Always Unless Does Is Was Has".split())
_DIGITS = re.compile(r"(?<![\w.,:/-])\d+(?:[.,]\d+)*(?![\w/:-]|[.,]\d)")


def number(place: Place, chance: random.Random) -> str | None:
    if match := one(_DIGITS, place.sentence, chance):
        position = chance.choice([i for i, c in enumerate(match[0]) if c.isdigit()])
        digit = chance.choice([d for d in "123456789" if d != match[0][position]])
        new = match[0][:position] + digit + match[0][position + 1 :]
    elif match := one(rf"\b(?:{'|'.join(NUMBER_WORDS)})\b", place.sentence, chance):
        new = chance.choice([word for word in NUMBER_WORDS if word != match[0]])
    else:
        return None
    return None if re.search(rf"\b{re.escape(new)}\b", place.text) else replace(place.sentence, match, new)


def unit(place: Place, chance: random.Random) -> str | None:
    amount = rf"(?<=\d )(?:{'|'.join(u for group in UNITS for u in group)})\b"
    words = rf"(?<=\b(?:two|six|ten) )(?:{'|'.join(UNITS[0])})\b"
    match = one(amount, place.sentence, chance) or one(words, place.sentence, chance)
    if not match:
        return None
    group = next(group for group in UNITS if match[0] in group)
    return replace(place.sentence, match, chance.choice([u for u in group if u != match[0]]))


def date(place: Place, chance: random.Random) -> str | None:
    for values in (MONTHS, DAYS):
        listed = "|".join(value for value in values if value != "May")
        if match := one(rf"\b(?:{listed})\b", place.sentence, chance):
            return replace(place.sentence, match, chance.choice([v for v in values if v != match[0]]))
    if match := one(r"(?<![\w.-])(?:1[89]|20)\d\d(?![\w-])", place.sentence, chance):
        return replace(place.sentence, match, str(int(match[0]) + chance.choice([-20, -3, -1, 1, 2, 10])))
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
    return replace(place.sentence, chance.choice(found), chance.choice(new)) if found and new else None


def negation(place: Place, chance: random.Random) -> str | None:
    if match := one(r"\b(is|are|was|were|can|could|may|will|should|must|has|have) not\b", place.sentence, chance):
        return replace(place.sentence, match, match[1])
    if match := one(r"\b(?:do|does|did) not ", place.sentence, chance):
        return replace(place.sentence, match, "")
    match = _AUXILIARY.search(place.sentence)
    if not match or match[1] in ("do", "does"):
        return None
    return replace(place.sentence, match, f"{match[1]} not")


def opposite(place: Place, chance: random.Random) -> str | None:
    pairs = {word: other for a, b in OPPOSITES for word, other in ((a, b), (b, a))}
    match = one(rf"\b(?:{'|'.join(pairs)})\b", place.sentence, chance)
    return replace(place.sentence, match, pairs[match[0]]) if match else None


def subject(place: Place, chance: random.Random) -> str | None:
    """The subject of another sentence of these passages takes the place of this one's; or two sides change places."""
    if compared := re.fullmatch(r"((?:\S+ ){1,4}?)((?:is|are|was|were) \S+ than) ((?:\S+ ){0,3}\S+)\.", place.sentence):
        return f"{begun(compared[3])} {compared[2]} {compared[1].strip()}."
    own = _SUBJECT.match(place.sentence)
    if not own or own[1] in _PRONOUNS:
        return None
    others = [_SUBJECT.match(other) for other in place.beside]
    new = [
        other[1]
        for other in others
        if other and other[2] == own[2] and not _share(other[1], own[1]) and other[1] not in _PRONOUNS
    ]
    return f"{chance.choice(new)}{place.sentence[own.end(1) :]}" if new else None


def _share(a: str, b: str) -> bool:
    return bool({w.lower()[:5] for w in a.split() if len(w) > 3} & {w.lower()[:5] for w in b.split() if len(w) > 3})


# A noun between a word that calls for one and a word that does not go on with it; a verb after "to" or a modal verb.
_NOUN = re.compile(
    r"\b(the|a|an|of|in|by|with|from|into) ([a-z]{4,})"
    r"(?= (?:is|are|was|were|has|have|can|will|of|in|that|which|to|for)\b|[.,;])"
)
_VERB = re.compile(
    r"\b(to|can|will|must|should|may|cannot) ([a-z]{4,})(?= (?:the|a|an|this|these|your|its|their|in|to)\b)"
)
_EMPTY = frozenset(
    """about addition also another order example case cases fact form general have kind make part particular question
    section sort them these this those time type types used using value values way ways word words your with that which
    more most other others each both same such many some make work take give find need help""".split()
)


def borrowed(place: Place, chance: random.Random) -> str | None:
    """A noun or a verb makes way for one that stands in the same surroundings in another sentence of the text."""
    pattern = chance.choice([_NOUN, _NOUN, _VERB])
    own = [match for match in pattern.finditer(place.sentence) if match[2] not in _EMPTY]
    if not own:
        return None
    old = chance.choice(own)
    new = {
        match[2]
        for other in place.beside
        for match in pattern.finditer(other)
        if (match[1], match[2][-1] == "s") == (old[1], old[2][-1] == "s") and match[2] not in _EMPTY
    }
    fresh = sorted(word for word in new if word[:4] not in place.sentence.lower())
    return f"{place.sentence[: old.start(2)]}{chance.choice(fresh)}{place.sentence[old.end(2) :]}" if fresh else None


_SEAM = re.compile(r",? (?:because|if|when|before|after|until|unless|so that|that|which|who|by|without) ")
# Words on either side of a seam, at least.
_SIDE = 4


def splice(place: Place, chance: random.Random) -> str | None:
    """The beginning of the sentence up to a conjunction, and how another sentence goes on after the same one."""
    own = one(_SEAM, place.sentence, chance)
    if not own or len(place.sentence[: own.start()].split()) < _SIDE:
        return None
    tails = [
        other[match.end() :]
        for other in place.beside
        for match in _SEAM.finditer(other)
        if match[0] == own[0] and other.endswith(".") and not _share(other, place.sentence[: own.start()])
    ]
    long = [tail for tail in tails if len(tail.split()) >= _SIDE and not _share(tail, place.sentence)]
    return f"{place.sentence[: own.end()]}{chance.choice(long)}" if long else None


def elsewhere(place: Place, chance: random.Random) -> str | None:
    return place.foreign


FALSE: dict[str, Change] = {
    "number": number,
    "unit": unit,
    "date": date,
    "name": name,
    "negation": negation,
    "opposite": opposite,
    "subject": subject,
    "borrowed": borrowed,
    "splice": splice,
    "elsewhere": elsewhere,
}
