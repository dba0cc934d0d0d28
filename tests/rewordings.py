"""Other ways to say what a sentence says, by general patterns of English."""

import random
import re

from tests.places import LOWERABLE, NUMBER_WORDS, Change, Place, begun, inside, one, replace

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
    ("(?<!no )(?<!not )more than", "over"),
    ("United States", "US"),
    ("percent", "%"),
    ("is able to", "can"),
    ("are able to", "can"),
    ("must", "has to"),
]
LEADS = ("According to the text, ", "In short, ", "Note that ", "In other words, ", "As described, ")
CONNECTIVES = re.compile(r"^(?:However|Moreover|Furthermore|In addition|Thus|Therefore|Also|Additionally|Finally), ")

# Words of a sentence that is short enough to be joined to another, and of one that is long enough to say something.
LONGEST_SECOND, SHORTEST = 25, 5


def verbatim(place: Place, chance: random.Random) -> str | None:
    return place.sentence


def _synonym(text: str, chance: random.Random) -> str:
    pairs = {word: other for a, b in SYNONYMS for word, other in ((a, b), (b, a))}
    match = one(rf"\b(?:{'|'.join(pairs)})\b", text, chance)
    return replace(text, match, pairs[match[0]]) if match else text


def _phrase(text: str, chance: random.Random) -> str:
    there = [(old, new) for old, new in PHRASES if re.search(rf"\b{old}\b", text)]
    if not there:
        return text
    old, new = chance.choice(there)
    return re.sub(rf"\b{old}\b", new, text, count=1)


def _order(text: str, chance: random.Random) -> str:
    """`If a, b.` as `B if a.`, and a list of two turned round."""
    if match := re.fullmatch(r"(If|When|Because|Although|After|Before|While) ([^,]+), ([a-z][^,]+)\.", text):
        return f"{begun(match[3])} {match[1].lower()} {match[2]}."
    if match := re.fullmatch(r"([A-Z][^,]+) (if|when|because|although|while) ([a-z][^,]+)\.", text):
        first = match[1].split()[0]
        rest = match[1] if first.isupper() or first not in LOWERABLE else match[1][0].lower() + match[1][1:]
        return f"{match[2].capitalize()} {match[3]}, {rest}."
    return text


def _listing(text: str, chance: random.Random) -> str:
    match = one(r"(?<=[a-z] )([a-z]{4,}) (and|or) ([a-z]{4,})(?=[.,])", text, chance)
    return replace(text, match, f"{match[3]} {match[2]} {match[1]}") if match else text


def _figure(text: str, chance: random.Random) -> str:
    values = {str(i): word for i, word in enumerate(NUMBER_WORDS, start=2)}
    values |= {word: value for value, word in values.items()}
    match = one(rf"(?<![\w.,-])(?:{'|'.join(values)})(?= [a-z]{{3}})", text, chance)
    return replace(text, match, values[match[0]]) if match else text


def _shorter(text: str, chance: random.Random) -> str:
    without = re.sub(r" \([^()]*\)", "", CONNECTIVES.sub("", text), count=1)
    return begun(without) if len(without.split()) >= 6 else text


def _led(text: str, chance: random.Random) -> str:
    return chance.choice(LEADS) + inside(text) if text.split()[0] in LOWERABLE else text


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


def fronted(place: Place, chance: random.Random) -> str | None:
    """What stands at the end, before a comma at the beginning, and the other way round."""
    first = r"((?:In|To|By|After|For|At|During) [^,]+), ((?:the|a|an|you|it|we|they) [^,]+)\."
    if match := re.fullmatch(first, place.sentence):
        return f"{begun(match[2])} {match[1][0].lower()}{match[1][1:]}."
    last = r"([A-Z][^,]{20,}) ((?:by \w+ing|in order to|during|after|before) (?:[a-z]+ )+[^,]+)\."
    if match := re.fullmatch(last, place.sentence):
        return f"{begun(match[2])}, {inside(match[1])}."
    return None


def merged(place: Place, chance: random.Random) -> str | None:
    """The sentence and the one after it as one."""
    following = place.following
    if not following.endswith(".") or following.split()[0] not in LOWERABLE or len(following.split()) > LONGEST_SECOND:
        return None
    return f"{place.sentence[:-1]}{chance.choice([', and ', '; '])}{inside(following)}"


# What may be left out, each with what comes before and after it left as it is.
_ADDED = (
    r",? (?:because|although|even though|such as|including|so that|for example,?|as shown in) [^.]+(?=\.$)",
    r", (?:which|who|while|whereas|but|so|whose|where) [^.,]+(?=\.$)",
    r",? \([^()]*\)",
    r", (?:which|who|such as|including|for example)[^,]*,",
)


def shortened(place: Place, chance: random.Random) -> str | None:
    """The sentence without what is added to it at its end or set apart in its middle."""
    kept = re.sub(chance.choice(_ADDED), "", place.sentence, count=1)
    whole = len(kept.split()) >= SHORTEST and kept.count("(") == kept.count(")")
    return kept if whole and kept != place.sentence else None


def split(place: Place, chance: random.Random) -> str | None:
    """What a relative clause says of a noun, as a sentence of its own."""
    clause = r"\b((?:a|an|the|The|A|An) (?:[a-z]+ )?[a-z]+), which ((?:[a-z]+s|are|were|will|can|have) [^,]+)(?=\.$|, )"
    match = one(clause, place.sentence, chance)
    return f"{begun(match[1])} {match[2]}." if match and len(match[0].split()) > SHORTEST else None


TRUE: dict[str, Change] = {
    "verbatim": verbatim,
    "reworded": reworded,
    "fronted": fronted,
    "merged": merged,
    "shortened": shortened,
    "split": split,
}
