"""Numbers with their units and bounds, and dates, however they are written."""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from assistant.grounding.lexicon import bases, likeness, verbs
from knowledge.words import FUNCTION_WORDS

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen \
eighteen nineteen".split()
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SMALL = {word: value for value, word in enumerate(_ONES)} | {word: 10 * i for i, word in enumerate(_TENS, start=2)}
_LARGE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "trillion": 10**12}
_LARGE |= {"dozen": 12}
_ORDINAL_ONES = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth \
fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth".split()
_ORDINAL_TENS = "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth".split()
_ORDINALS = {word: value for value, word in enumerate(_ORDINAL_ONES)}
_ORDINALS |= {word: 10 * i for i, word in enumerate(_ORDINAL_TENS, start=2)}
_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = {name: i for i, name in enumerate(_MONTHS, start=1)} | {name[:3]: i for i, name in enumerate(_MONTHS, start=1)}
_MONTH |= {"sept": 9}
_MONTH_NAMES = "|".join(sorted(_MONTH, key=len, reverse=True))

# (dimension, size in the dimension's unit) of each way to write a unit.
_UNITS: dict[str, tuple[str, float]] = {}
for _dimension, _sizes in {
    "time": "s sec secs second=1 ms msec millisecond=.001 min mins minute=60 h hr hrs hour=3600 day=86400 week=604800",
    "months": "month=1 year yr yrs=12 decade=120 quarter=3 century=1200 millennium millennia=12000",
    "length": "m metre meter=1 mm millimetre millimeter=.001 cm centimetre centimeter=.01 km kilometre kilometer=1000 "
    "µm μm micrometre micrometer micron=1e-6 nm nanometre nanometer=1e-9",
    "miles": "mi mile=1",
    "feet": "ft foot feet=12 inch inches=1 yard=36",
    "mass": "g gram gramme=1 mg milligram=.001 kg kilogram kilo=1000 µg μg mcg microgram=1e-6 "
    "ng nanogram=1e-9 tonne=1e6",
    "pounds": "lb lbs=1",
    "volume": "l litre liter=1 ml millilitre milliliter=.001 dl decilitre deciliter=.1",
    "data": "b byte=1 kb kilobyte=1e3 mb megabyte=1e6 gb gigabyte=1e9 tb terabyte=1e12 "
    "kib=1024 mib=1048576 gib=1073741824",
    "bits": "bit=1 kbit=1e3 mbit=1e6 gbit=1e9 kbps=1e3 mbps=1e6 gbps=1e9",
    "percent": "% percent pct=1",
    "current": "a amp ampere=1 ma milliamp milliampere=.001",
    "voltage": "v volt=1 mv millivolt=.001 kv kilovolt=1000",
    "resistance": "ω ohm=1 kω kiloohm kilohm=1000 mω megaohm=1e6",
    "power": "w watt=1 mw milliwatt=.001 kw kilowatt=1000",
    "frequency": "hz hertz=1 khz kilohertz=1e3 mhz megahertz=1e6 ghz gigahertz=1e9",
    "celsius": "°c celsius centigrade=1",
    "fahrenheit": "°f fahrenheit=1",
    "degrees": "° degree=1",
    "dollars": "$ usd dollar buck=1 cent=.01",
    "euros": "€ eur euro=1",
    "sterling": "£ gbp=1",
    "yen": "¥ yen=1",
    "ordinal": "st nd rd th=1",
    "decades": "s'=1",
}.items():
    for _group in re.findall(r"([^=]+)=(\S+)", _sizes):
        for _name in _group[0].split():
            _UNITS[_name] = (_dimension, float(_group[1]))
_EVERY = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year", "annually": "year"}
_EVERY |= {"annual": "year", "nightly": "day", "quarterly": "quarter"}
# Words whose plural has another meaning than their singular, or none, are left as they are.
_NO_PLURAL = frozenset("s ms a b v w g l m h".split())

_AMOUNT = r"\d{1,3}(?:[, ' ]\d{3})+(?:\.\d+)?(?![\d])|\d+(?:\.\d+)*(?::\d\d)*|\.\d+"
_NUMBER = re.compile(rf"(?<![\w.])(?P<sign>-(?=\d)|[$€£¥])?\s?(?P<amount>{_AMOUNT})(?P<tail>(?:st|nd|rd|th|s)\b)?")
_CARDINAL = "|".join(sorted([*_SMALL, *_LARGE], key=len, reverse=True))
_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True))
_WORD_NUMBER = re.compile(
    rf"\b(?:(?:{'|'.join([*_TENS, *_LARGE])})[\s-]+(?:{_ORDINAL})"
    rf"|(?:{_CARDINAL})(?:(?:[\s-]+|\s+and\s+)(?:{_CARDINAL}))*|(?:{_ORDINAL}))\b",
    re.IGNORECASE,
)
_FOLLOWING = re.compile(r"\s?-?\s?(%|°\s?[CF]?|[$€£¥]|[^\W\d_]+(?:/[^\W\d_]+)?)")
_RANGE = re.compile(r"\s*(?:to|and|or|-|–|—|,)\s*")
_ONE_OF = re.compile(r"\b(?:an?|one|per|each|every)\s+(?=([a-z]+)\b)")

_TIMES = {"twice": 2, "thrice": 3}
_REPEATED = re.compile(r"\b(?:twice|thrice)\b")
_OFTEN = re.compile(rf"\b(?:{'|'.join(_EVERY)})\b")
# "five working days" are days.
_BETWEEN = re.compile(r"\s?-?\s?[a-z]{3,}\s([a-z]{3,})\b")

_LOWER = "|".join(
    r"""more.than over above at.least exceed\w* larger.than greater.than longer.than older.than bigger.than higher.than
    no.less.than not.less.than no.fewer.than minimum.of a.minimum upwards.of""".split()
)
_UPPER = "|".join(
    r"""less.than fewer.than under below at.most up.to as.many.as as.much.as within smaller.than shorter.than
    younger.than lower.than
    no.more.than no.more.\w+.than not.more.than no.later.than no.longer.than maximum.of a.maximum
    not.exceed\w*""".split()
)
_BEFORE = re.compile(
    rf"(?:(?P<no>\bnot )?(?P<lower>\b(?:{_LOWER})|>=|>|≥)|(?P<upper>\b(?:{_UPPER})|<=|<|≤))"
    r"\s*(?:the |about |a |an |of |first |last |next )*$"
)
# Before a number it bounds that one.
_AT_MOST = re.compile(r"^[^.,;]{0,24}?\bat (most|least|minimum|maximum)\b(?!\s+(?:an? |the )?[\d$€£])")
_AGE = re.compile(r"\b(?:age|aged|age of)\s+$", re.IGNORECASE)
_NAMED = re.compile(r"[^\W\d_]-$")
# Between these and a verb "first" is an adverb: "then, first make a backup", "was first called".
_BEFORE_ADVERB = re.compile(r"(?:,|\b(?:is|are|was|were|been|be|must|should|has|have|had|to))\s+$", re.IGNORECASE)
# "Five meters a second" ends or goes on; "a second meter" is one of several.
_RATE = re.compile(r"\b(?:per|each|every)\s+$|\ba\s+$", re.IGNORECASE)
_AFTER = re.compile(
    r"^[^.,;]{0,24}?\b(?:or|and) (?:(?P<more>more|longer|older|higher|above|over|later)"
    r"|less|fewer|shorter|younger|lower|below|under|earlier)\b"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value, in the unit of its dimension when that is known; else `unit` is the word that follows.

    `bound` is "<" for at most, ">" for at least, or empty. `start` is where it stands in the text.
    """

    value: str
    dimension: str
    unit: str
    bound: str
    start: int


@dataclass(frozen=True, slots=True)
class Date:
    """A day of a month of a year, as far as told: 0 stands for what is not."""

    year: int
    month: int
    day: int

    def agrees(self, other: "Date") -> bool:
        """Whether the other tells at least as much, and the same."""
        pairs = ((self.year, other.year), (self.month, other.month), (self.day, other.day))
        return all(mine in (0, theirs) for mine, theirs in pairs)


_DATES = [
    re.compile(
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH_NAMES})\b\.?,?(?: (?P<year>\d{{4}})\b)?"
    ),
    re.compile(
        rf"\b(?P<month>{_MONTH_NAMES})\b\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?: ?,? (?P<year>\d{{4}})\b)?"
    ),
    re.compile(rf"\b(?P<month>{_MONTH_NAMES})\b\.?,?(?: of)? (?P<year>\d{{4}})\b"),
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b"),
    re.compile(r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})\b"),
    re.compile(rf"\b(?P<month>{'|'.join(name for name in _MONTHS if name not in ('may', 'march'))})\b"),
    re.compile(r"(?<=\bin )(?P<month>may|march)\b"),
]


@lru_cache(maxsize=20_000)
def dates(text: str) -> tuple[tuple[Date, ...], str]:
    """The dates of a text, and the text with blanks in their place."""
    found: list[Date] = []
    low = text.lower()
    for pattern in _DATES:
        for match in pattern.finditer(low):
            date = _date(match.groupdict())
            if date:
                found.append(date)
                low = low[: match.start()] + " " * len(match.group()) + low[match.end() :]
    blank = (
        "".join(old if new == old.lower() else " " for old, new in zip(text, low, strict=True))
        if len(low) == len(text)
        else text
    )
    return tuple(found), blank


def _date(parts: dict[str, str | None]) -> Date | None:
    month = parts.get("month") or "0"
    number = int(month) if month.isdigit() else _MONTH[month]
    day, year = int(parts.get("day") or 0), int(parts.get("year") or 0)
    return Date(year, number, day) if 1 <= number <= 12 and day <= 31 else None


@lru_cache(maxsize=20_000)
def quantities(text: str, loose: bool = False) -> tuple[Quantity, ...]:
    """The numbers of a text that belong to no date, in order; `loose` takes "a day" for one day, too."""
    rest = dates(text)[1]
    found = [_in_digits(match, rest) for match in _NUMBER.finditer(rest)]
    found += [_in_words(match, rest) for match in _WORD_NUMBER.finditer(rest) if _counts(match, rest)]
    found += [
        _single(match, rest)
        for match in _ONE_OF.finditer(rest.lower())
        if unit_of(match[1]) and (loose or match.group().startswith("one"))
    ]
    found += [
        _quantity("1", _EVERY[match[0]], match.start(), match.end(), rest) for match in _OFTEN.finditer(rest.lower())
    ]
    found += [
        _quantity(str(_TIMES[match[0]]), "times", match.start(), match.end(), rest)
        for match in _REPEATED.finditer(rest.lower())
    ]
    return tuple(sorted(found, key=lambda quantity: quantity.start))


def numbers(text: str) -> set[str]:
    """The values in a text, written alike: "3,000" is "3000", "three" is "3", "2.50" is "2.5"."""
    values = {_plain(match["amount"]) for match in _NUMBER.finditer(text)}
    return values | {
        _plain(str(_worded(match.group()))) for match in _WORD_NUMBER.finditer(text) if _counts(match, text)
    }


def value_of(word: str) -> str:
    """The value of a single word as digits, or nothing: "three" is "3"; "one", mostly a pronoun, is no number."""
    if word[:1].isdigit():
        return _plain(word)
    return str(_SMALL[word]) if word in _SMALL and word != "one" else ""


def unit_of(word: str) -> tuple[str, float] | None:
    """(dimension, size) of a unit's name or sign, or None."""
    word = word.replace(" ", "")
    # An "M" is a million or mega, an "m" is a metre or milli: only where both exist does the case matter.
    if word in ("mA", "mV", "mW", "kW", "kV", "mΩ", "kΩ"):
        return _UNITS.get(word.lower())
    low = word.lower()
    if low in _UNITS:
        return _UNITS[low]
    single = low.removesuffix("s")
    return (
        _UNITS.get(single)
        if single != low and single not in _NO_PLURAL
        else _UNITS.get({"centuries": "century"}.get(low, ""))
    )


def _in_digits(match: re.Match[str], text: str) -> Quantity:
    sign = match["sign"] or ""
    value = ("-" if sign == "-" else "") + _plain(match["amount"])
    end = match.end()
    if match["tail"]:
        return _quantity(value, "s'" if match["tail"] == "s" else "th", match.start(), end, text)
    if large := re.match(r"\s?(hundred|thousand|million|billion|trillion|dozen)\b", text[end:], re.IGNORECASE):
        value, end = _times(value, _LARGE[large[1].lower()]), end + large.end()
    unit = sign if sign in "$€£¥" and sign else _unit_after(text, end)
    # At the end of a name, such as "HIV-1", it counts nothing; "sub-10 ms" has a unit all the same.
    named = _NAMED.search(text[: match.start()]) and not unit_of(unit)
    return _quantity(value, "" if named else unit, match.start(), end, text)


def _unit_after(text: str, end: int) -> str:
    """The word after a number; a range has the unit that stands after its end."""
    rest = text[end:]
    while between := _RANGE.match(rest):
        number = _NUMBER.match(rest[between.end() :]) or _WORD_NUMBER.match(rest[between.end() :])
        if not number:
            break
        rest = rest[between.end() + number.end() :]
    following = _FOLLOWING.match(rest)
    later = _BETWEEN.match(rest)
    if following and later and not unit_of(following[1]) and unit_of(later[1]):
        return later[1]
    return following[1] if following else ""


def _in_words(match: re.Match[str], text: str) -> Quantity:
    words = re.split(r"[\s-]+", match.group().lower())
    value = _plain(str(_worded(match.group())))
    unit = "th" if words[-1] in _ORDINALS else _unit_after(text, match.end())
    return _quantity(value, unit, match.start(), match.end(), text)


def _single(match: re.Match[str], text: str) -> Quantity:
    return _quantity("1", match[1], match.start(), match.end(), text)


def _counts(match: re.Match[str], text: str) -> bool:
    """Whether words are a number. "One" and "second" alone are mostly something else, and so is "First,"."""
    low = match.group().lower()
    if low in ("one", "zero", "hundred", "thousand", "million", "billion", "dozen"):
        return low in ("zero", "dozen", "hundred", "thousand")
    before, after = text[: match.start()], text[match.end() :]
    if low in ("first", "second", "third") and after.lstrip().startswith(","):
        return False
    if low == "first" and _BEFORE_ADVERB.search(before) and bases(_next_word(after)) & verbs():
        return False
    rate = _RATE.search(before) if low == "second" else None
    return not rate or (rate.group().startswith("a") and _goes_on(after))


def _goes_on(after: str) -> bool:
    """Whether a word follows that may be counted."""
    word = _next_word(after)
    return word == "one" or (bool(word) and word not in FUNCTION_WORDS)


def _next_word(text: str) -> str:
    following = re.match(r"\s+([^\W\d_]+)", text)
    return following[1].lower() if following else ""


def _worded(text: str) -> int:
    """ "two hundred and five" is 205, "twenty-first" 21."""
    total = part = 0
    for word in re.split(r"[\s-]+", text.lower()):
        if word in _LARGE:
            part = max(part, 1) * _LARGE[word]
            if _LARGE[word] >= 1_000:
                total, part = total + part, 0
        else:
            part += _SMALL.get(word, _ORDINALS.get(word, 0))
    return total + part


def _times(value: str, factor: int) -> str:
    try:
        return _plain(f"{float(value) * factor:.6f}")
    except ValueError:
        return value


def _plain(number: str) -> str:
    plain = re.sub(r"(?<=\d)[, ' ](?=\d{3})", "", number).lstrip("+")
    if plain.count(".") == 1 and ":" not in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain.lstrip("0") or "0" if plain.isdigit() else plain


def _quantity(value: str, unit: str, start: int, end: int, text: str) -> Quantity:
    if not unit_of(unit) and _AGE.search(text[:start]):
        unit = "years"
    known = unit_of(unit) if unit else None
    bound = "" if unit == "th" else _bound(text[:start], text[end:])
    if known is None:
        return Quantity(value, "", unit.lower(), bound, start)
    with suppress(ValueError):
        value = _plain(f"{float(value) * known[1]:.9f}")
    return Quantity(value, known[0], "", bound, start)


def _bound(before: str, after: str) -> str:
    if match := _BEFORE.search(before.lower()[-24:]):
        lower = bool(match["lower"])
        return ">" if lower != bool(match["no"]) else "<"
    if match := _AT_MOST.match(after.lower()):
        return "<" if match[1] in ("most", "maximum") else ">"
    match = _AFTER.match(after.lower())
    return "" if match is None else ">" if match["more"] else "<"


def unsupported(claim: str, evidence: str) -> bool:
    """Whether a number, unit, bound or date of the claim is not in the evidence."""
    known, rest = quantities(evidence, loose=True), dates(evidence)[0]
    years = {quantity.value for quantity in known}
    for date in dates(claim)[0]:
        alone = Date(0, date.month, date.day)
        if not any(date.agrees(other) or (alone.agrees(other) and str(date.year) in years) for other in rest):
            return True
    words = frozenset(re.findall(r"[^\W\d_]+", evidence.lower()))
    free = list(known)
    return not all(_take(quantity, free, rest, words) for quantity in quantities(claim))


def _take(quantity: Quantity, free: list[Quantity], told: tuple[Date, ...], words: frozenset[str]) -> bool:
    """Take the quantity from those of the evidence that stand for no other of the claim; whether it was there."""
    if not quantity.dimension and quantity.value in {str(date.year) for date in told}:
        return True
    # What is counted must be spoken of, though other words may stand between it and the number.
    counted = not quantity.unit.isalpha() or quantity.unit in FUNCTION_WORDS or _spoken_of(quantity.unit, words)
    same = [other for other in free if _same(quantity, other) and (counted or other.unit == quantity.unit)]
    # The one whose unit is written alike, if there are several.
    same.sort(key=lambda other: other.unit != quantity.unit)
    if same:
        free.remove(same[0])
    return bool(same)


def _spoken_of(word: str, words: frozenset[str]) -> bool:
    return word in words or any(likeness(word, other) for other in words)


def _same(mine: Quantity, theirs: Quantity) -> bool:
    if mine.value != theirs.value or mine.dimension != theirs.dimension or mine.bound != theirs.bound:
        return False
    return mine.unit == theirs.unit or "/" not in mine.unit + theirs.unit
