"""What English words have to do with one another: same, alike, or opposite. The source is WordNet (see wordnet/)."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from knowledge.words import stem

# ALIKE: they begin alike.
SAME, SYNONYM, DERIVED, SIMILAR, ALIKE = 1.0, 0.9, 0.8, 0.7, 0.6
# The claim names a sort of what the evidence names, and so says more; "machine" for "printer" is SIMILAR.
SORT = 0.6
# Two words are forms of one when they begin alike: this many letters, and this share of the longer one.
COMMON_LETTERS, COMMON_SHARE = 5, 0.6

# Opposites that WordNet does not pair directly, most of them of computing, science and administration.
MORE_OPPOSITES = """
above/below accelerate/slow accept/decline accept/refuse acceptable/unacceptable acute/chronic add/delete
add/remove advance/delay after/before agonist/antagonist aggravate/alleviate aggravate/relieve allow/block
allow/deny allow/forbid allow/prevent allow/prohibit amplify/dampen anode/cathode ascending/descending
ascend/descend attach/detach available/unavailable backward/forward beneficial/harmful benefit/harm best/worst
better/worse big/little big/small bottom/top build/destroy build/demolish bullish/bearish buy/sell
cause/prevent cheap/costly cheap/expensive client/server closed/open compress/decompress confirm/deny
confirm/refute constant/variable contract/expand create/delete create/destroy credit/debit damage/repair
deactivate/activate decelerate/accelerate decline/grow decline/improve decline/increase decline/rise decode/encode
decrease/grow decrease/rise decrypt/encrypt deep/shallow delete/insert denominator/numerator deny/permit
deplete/replenish deposit/withdraw destroy/preserve deteriorate/improve dim/bright diminish/increase
disable/enable disagree/agree disappear/appear disconnect/connect discourage/encourage disperse/gather
distant/near divide/multiply domestic/foreign double/halve down/up downgrade/upgrade download/upload
downregulate/upregulate downregulation/upregulation downstream/upstream drop/rise drop/increase dry/wet
dynamic/static early/late eager/lazy employer/employee employed/unemployed empty/full enhance/impair
enhance/inhibit enhance/reduce enhance/suppress enlarge/shrink enough/insufficient ever/never even/odd
exclude/include exit/enter expand/shrink expire/renew explicit/implicit export/import external/internal
extrovert/introvert fail/pass fail/succeed failure/success fall/increase fall/rise false/true fast/slow few/many
fewer/more final/initial finish/begin finish/start finite/infinite first/last fixed/variable flexible/rigid
forbid/permit forbidden/permitted forbidden/allowed forget/remember free/paid freeze/melt freeze/thaw frequent/rare
frequently/rarely front/rear gain/lose gain/loss general/specific global/local good/bad good/poor grant/deny
grant/refuse grow/shrink guilty/innocent hard/easy hard/soft hardware/software harmless/harmful healthy/ill
healthy/sick heat/cool heavy/light hide/show high/low higher/lower hinder/help horizontal/vertical hot/cold
hypertension/hypotension hyperglycemia/hypoglycemia ignore/consider ignore/heed import/export improve/impair
improve/worsen inbound/outbound include/omit income/expense increase/lower increase/reduce increased/reduced
inflate/deflate inhibit/activate inhibit/facilitate inhibit/induce inhibit/promote inhibit/stimulate
inhibition/activation inhibition/stimulation inhibitor/activator inner/outer input/output insert/remove
install/uninstall internal/external junior/senior keep/discard keep/lose keep/remove landlord/tenant large/little
large/small larger/smaller latter/former lead/follow leave/arrive leave/stay left/right legal/illegal
lengthen/shorten lender/borrower less/more lighten/darken like/unlike liquid/solid load/unload lock/unlock
long/short lower/raise lower/upper loosen/tighten major/minor majority/minority male/female mandatory/optional
mandatory/voluntary manual/automatic manually/automatically mature/immature maximal/minimal maximize/minimize
maximum/minimum merge/split mild/severe minuend/subtrahend mutable/immutable mute/unmute narrow/wide narrow/broad
near/far negative/positive never/always new/old night/day noisy/quiet north/south now/later nucleus/periphery
obtain/lose occasionally/always offline/online often/rarely often/seldom on/off oldest/newest older/newer
older/younger opaque/transparent open/close open/shut opponent/supporter opponent/proponent optional/required
oxidize/reduce parallel/series parent/child part/whole partial/complete partially/completely partly/fully pass/fail
past/future permanent/temporary plaintiff/defendant plus/minus pop/push poor/rich possible/impossible precede/follow
presence/absence present/absent present/missing preserve/discard prevent/enable primary/secondary private/public
private/shared profit/loss profitable/unprofitable progress/regress prohibit/permit promote/suppress promote/prevent
protect/endanger proximal/distal pull/push pure/impure quick/slow quickly/slowly raise/reduce rapid/slow
rapidly/slowly read/write receive/send recent/old reject/approve relax/tighten release/acquire reliable/unreliable
remember/forget remote/local remove/retain rough/smooth rural/urban safe/dangerous safe/risky safe/unsafe save/delete
save/spend save/waste seldom/always seller/buyer send/receive separate/join separately/together serial/parallel
shallow/deep short/tall show/hide similar/different simple/complex simple/complicated sink/float sink/source
slow/quick slow/speed slowly/fast small/big soft/loud stable/unstable start/stop start/end stimulate/suppress
stop/continue
strengthen/weaken strong/weak stronger/weaker subscribe/unsubscribe subset/superset sufficient/insufficient
superior/inferior support/oppose surplus/deficit synchronous/asynchronous systole/diastole temporary/permanent
tenant/landlord thick/thin thicker/thinner tight/loose top/bottom transmit/receive trust/distrust undo/redo
unique/common unite/divide unlock/lock upper/lower upside/downside urban/rural useful/useless valid/invalid
vertical/horizontal victory/defeat visible/hidden visible/invisible warm/cool wide/thin widen/narrow win/lose
wireless/wired withdraw/deposit worse/better worst/best worsen/improve young/old younger/older
"""
_OFTEN = "always usually often frequently commonly generally normally typically mostly"
_SELDOM = "never rarely seldom hardly infrequently scarcely"
# Prefixes and suffixes that turn a word into its opposite. "in-" is not here: "in" + "put" is no opposite of "put".
_NEGATING_PREFIX = re.compile(r"^(?:un|non|dis|mis|de|anti|counter|il(?=l)|im(?=[mp])|ir(?=r)|in(?=[a-z]{5}))")
_IRREGULAR = dict(
    pair.split("/")
    for pair in """
    was/be were/be been/be is/be are/be am/be began/begin begun/begin broke/break broken/break brought/bring
    built/build bought/buy caught/catch chose/choose chosen/choose came/come cost/cost dealt/deal drawn/draw drew/draw
    driven/drive drove/drive eaten/eat ate/eat fallen/fall fell/fall felt/feel found/find forbade/forbid
    forbidden/forbid forgot/forget forgotten/forget froze/freeze frozen/freeze gave/give given/give gone/go went/go
    got/get gotten/get grew/grow grown/grow had/have has/have heard/hear held/hold hidden/hide hid/hide kept/keep
    knew/know known/know laid/lay lay/lie led/lead left/leave lent/lend lost/lose made/make meant/mean met/meet
    overrode/override overridden/override paid/pay ran/run rose/rise risen/rise said/say saw/see seen/see sold/sell
    sent/send shown/show shrank/shrink shrunk/shrink sought/seek spent/spend spoke/speak spoken/speak stood/stand
    stole/steal stolen/steal struck/strike swore/swear taken/take took/take taught/teach thought/think threw/throw
    thrown/throw told/tell understood/understand woke/wake won/win withdrew/withdraw withdrawn/withdraw wore/wear
    worn/wear written/write wrote/write people/person men/man women/woman children/child feet/foot teeth/tooth
    mice/mouse criteria/criterion phenomena/phenomenon indices/index analyses/analysis hypotheses/hypothesis
    data/data born/bear birth/bear loss/lose losses/lose losing/lose sale/sell choice/choose proof/prove growth/grow
    flight/fly flew/fly flown/fly fed/feed fled/fly bound/bind did/do done/do better/good best/good worse/bad worst/bad
    further/far less/little lesser/little least/little dying/die lying/lie tying/tie became/become arose/arise
    arisen/arise bitten/bite blown/blow blew/blow drank/drink drunk/drink sang/sing sung/sing sank/sink sunk/sink
    slept/sleep swept/sweep wound/wind ground/grind meant/mean""".split()
)
# (ending, what stands in its place): the rules of detachment by which WordNet's own look-up finds a base form.
_DETACHMENTS = [
    ("ies", "y"),
    ("ied", "y"),
    ("es", "e"),
    ("es", ""),
    ("s", ""),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
    ("er", "e"),
    ("er", ""),
    ("ier", "y"),
    ("est", "e"),
    ("est", ""),
    ("iest", "y"),
    ("ly", ""),
    ("ally", ""),
    ("ily", "y"),
]
_BRITISH = [
    (re.compile(r"(?<=\w{3})is(e|ed|es|ing|er|ers|ation|ations)$"), r"iz\1"),
    (re.compile(r"(?<=\w{2})our(s|ed|ing|able|ite|al|hood)?$"), r"or\1"),
    (re.compile(r"(?<=\w{2})ogue(s?)$"), r"og\1"),
    (re.compile(r"(?<=[nbt])tre(s?)$"), r"ter\1"),
    (re.compile(r"ae(?=[mnst])"), "e"),
    (re.compile(r"(?<=[aeiou]l)l(?=(?:ed|ing|er)$)"), ""),
]


def _lines(name: str) -> Iterator[list[str]]:
    text = (files("assistant.grounding") / "wordnet" / name).read_text(encoding="utf-8")
    return (line.split() for line in text.splitlines())


@lru_cache(maxsize=1)
def _groups() -> dict[str, set[int]]:
    """The synsets of each word, by their numbers."""
    found: dict[str, set[int]] = defaultdict(set)
    for number, group in enumerate(_lines("synonyms.txt")):
        for word in group:
            found[word].add(number)
    return found


@lru_cache(maxsize=4)
def _pairs(name: str) -> dict[str, set[str]]:
    """For each word those that it is paired with."""
    found: dict[str, set[str]] = defaultdict(set)
    pairs = list(_lines(name))
    if name == "antonyms.txt":
        pairs += [pair.split("/") for pair in MORE_OPPOSITES.split()]
        pairs += [[often, seldom] for often in _OFTEN.split() for seldom in _SELDOM.split()]
    for a, b in pairs:
        found[a].add(b)
        found[b].add(a)
    return found


@lru_cache(maxsize=1)
def _kinds() -> dict[str, set[str]]:
    """For each word the kinds that it is a sort of."""
    found: dict[str, set[str]] = defaultdict(set)
    for word, kind in _lines("kinds.txt"):
        found[word].add(kind)
    return found


@lru_cache(maxsize=1)
def verbs() -> frozenset[str]:
    """Base forms of what can be a verb."""
    return frozenset(word for (word,) in _lines("verbs.txt"))


@lru_cache(maxsize=50_000)
def american(word: str) -> str:
    """One spelling for both sides of the ocean; it need not be the right one, only the same."""
    for pattern, new in _BRITISH:
        word = pattern.sub(new, word)
    return word


@lru_cache(maxsize=50_000)
def root(word: str) -> str:
    """The stem of a word whose irregular form and spelling were made regular: "frozen" is "freez"."""
    return stem(american(_IRREGULAR.get(word, word)))


@lru_cache(maxsize=50_000)
def bases(word: str) -> frozenset[str]:
    """The word and what it may be a form of: "rotated" gives also "rotate" and "rotat"."""
    word = word.removesuffix("'s")
    found = {word, american(word), _IRREGULAR.get(word, word)}
    for ending, new in _DETACHMENTS:
        if word.endswith(ending) and len(word) - len(ending) > 1:
            base = word.removesuffix(ending) + new
            found.add(base)
            if not new and base[-1:] == base[-2:-1] and ending in ("ed", "ing", "er", "est"):
                found.add(base[:-1])
    return frozenset(found | {american(base) for base in found})


@dataclass(frozen=True, slots=True)
class Entry:
    """What the lexicon has of a word and of what it may be a form of: the words (or synsets) of each relation."""

    bases: frozenset[str]
    synsets: frozenset[int]
    derived: frozenset[str]
    similar: frozenset[str]
    kinds: frozenset[str]
    antonyms: frozenset[str]


@lru_cache(maxsize=50_000)
def entry(word: str) -> Entry:
    forms = bases(word)

    def related(name: str) -> frozenset[str]:
        pairs = _pairs(name)
        return frozenset(other for base in forms for other in pairs.get(base, ()))

    synsets = frozenset(number for base in forms for number in _groups().get(base, ()))
    kinds = frozenset(kind for base in forms for kind in _kinds().get(base, ()))
    return Entry(forms, synsets, related("derived.txt"), related("similar.txt"), kinds, related("antonyms.txt"))


@lru_cache(maxsize=200_000)
def likeness(a: str, b: str) -> float:
    """How surely a claim's word means what the evidence's does: one of the constants above, or 0."""
    if root(a) == root(b):
        return SAME
    if opposed(a, b):
        return 0.0
    of_a, of_b = entry(a), entry(b)
    if not of_a.synsets.isdisjoint(of_b.synsets):
        return SYNONYM
    if not of_a.derived.isdisjoint(of_b.bases):
        return DERIVED
    if not of_a.similar.isdisjoint(of_b.bases) or not of_b.kinds.isdisjoint(of_a.bases):
        return SIMILAR
    return SORT if not of_a.kinds.isdisjoint(of_b.bases) else ALIKE if _begin_alike(a, b) else 0.0


def _begin_alike(a: str, b: str) -> bool:
    shared = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return shared >= max(COMMON_LETTERS, COMMON_SHARE * max(len(a), len(b)))


@lru_cache(maxsize=200_000)
def opposed(a: str, b: str) -> bool:
    """Whether one word is the opposite of the other, or of a word that means the same as the other."""
    if root(a) == root(b):
        return False
    if denied(a, b):
        return True
    of_a, of_b = entry(a), entry(b)
    # Or one is close to the other's antonym, as "tiny" to "small", the antonym of "large".
    return not (
        of_a.antonyms.isdisjoint(of_b.bases)
        and of_a.antonyms.isdisjoint(of_b.similar)
        and of_b.antonyms.isdisjoint(of_a.similar)
    )


def denied(a: str, b: str) -> bool:
    """Whether one word is the other with something that denies it: "committed", "uncommitted"."""
    return _negates(a, b) or _negates(b, a)


def _negates(a: str, b: str) -> bool:
    """Whether `a` is `b` with a prefix such as "un-", or with "-less" for "-ful"."""
    if a.endswith("less") and len(a) > 6 and root(a[:-4]) in (root(b), root(b.removesuffix("ful"))):
        return True
    prefix = _NEGATING_PREFIX.match(a)
    if not prefix or len(a) - prefix.end() < 3:
        return False
    rest = a[prefix.end() :]
    return root(rest) == root(b) and rest[:3] == b[:3]


@lru_cache(maxsize=50_000)
def in_lexicon(word: str) -> bool:
    """Whether WordNet's part that is kept here has the word or one it is a form of."""
    return any(base in _groups() or base in verbs() or base in _pairs("derived.txt") for base in bases(word))
