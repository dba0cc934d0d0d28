"""What of an answer states something, and so must be borne out; and the statements that a sentence joins."""

import re

from assistant.grounding.alignment import predicate
from assistant.grounding.reading import Reading, read

# Content words of a statement that is checked by itself.
FEWEST = 2
_QUESTION = re.compile(r"\?[\"'”’)*_`\s]*$")
# A sentence that is nothing but courtesy. "Sure, it takes two days." goes on and is a claim.
_COURTESY = re.compile(
    r"""(?:(?:hi|hello|hey|dear|good\s(?:morning|afternoon|evening|day))(?:\s(?:there|all|everyone|everybody))?
    |thanks|thank\syou(?:\s(?:so|very)\smuch)?(?:\sfor\s(?:asking|your\s(?:question|patience|message)))?
    |sure(?:\sthing)?|of\scourse|certainly|absolutely|gladly|ok|okay|alright|got\sit|right|great|good|well\sdone
    |(?:that(?:'s|\sis)\s|what\s)?an?\s?(?:very\s)?(?:great|good|excellent|interesting|fair)\s(?:question|point|start|job|try)
    |(?:great|good|excellent|interesting|fair|nice)\s(?:question|point|start|job|try|work)
    |you(?:'re|\sare)\s(?:very\s|most\s)?welcome|my\spleasure|no\sproblem|good\sluck|(?:i(?:'m|\sam)\s)?sorry
    |i\shope\s(?:this|that|it)\s(?:helps|was\shelpful)|(?:i(?:'m|\sam)|i(?:'ll|\swill)\sbe)\s(?:happy|glad)\sto\shelp(?:\syou)?
    |(?:please\s)?let\s(?:me|us)\sknow(?:\sif\s(?:you\s(?:have|need)\s(?:any\s)?(?:more|further|other)?\s?(?:questions?|help|details)|anything\sis\sunclear))?
    |feel\sfree\sto\s(?:ask|reach\sout)(?:\s(?:me|us|again|more|any\stime|if\s\w+\s\w+\s\w+\s\w+))?
    |have\sa\s(?:nice|good|great)\s(?:day|time|weekend))[\s,!.…:)-]*""",
    re.IGNORECASE | re.VERBOSE,
)
_GREETED = re.compile(r"[\s,!.…:)-]*[A-Z]?[a-z]*[\s,!.…]*")
# An invitation to think, as a tutor gives it. What says how things are ("is", "because", a number) is no invitation.
_HINT = re.compile(
    r"""(?:(?:as\s)?a\s?hint:\s*|hint:\s*|first,?\s|now,?\s|next,?\s|then,?\s|so,?\s|ok(?:ay)?,?\s|please\s)*
    (?:(?:try|start|begin)\s(?:to\s|by\s)(?:think|recall|remember|find|work|explain|describe|imagine|ask|picture|look|write|list|compar|draw|guess|say|put)\w*
    |think\s(?:about|of|back|again|it)|consider\s(?:what|how|why|whether|which|the|a|an|your)|imagine\s|picture\s|ask\syourself
    |look\s(?:at|again|back|closely)|take\s(?:a|another)\slook|have\s(?:a|another)\s(?:look|go)
    |let(?:'s|\sus)\s|give\sit\sa\stry|tell\sme\s|can\syou\s|could\syou\s|see\sif\syou|remember\s(?:what|how|why|which|when|where)
    |recall\s(?:what|how|why|which|when|where)|what\sif\s|what\shappens\s)""",
    re.IGNORECASE | re.VERBOSE,
)
_STATES = re.compile(r"\b(?:is|are|was|were|because|since|that|equals|means)\b|\d|=", re.IGNORECASE)
_ASKS = re.compile(r"\b(?:what|how|why|whether|which|when|where|who|if)\b", re.IGNORECASE)


def is_claim(sentence: str) -> bool:
    """Whether a sentence states something. Questions, greetings, courtesies, hints and lead-ins ("Here:") do not.

    In doubt it does: "Paris." and "Yes, it is." are claims.
    """
    text = " ".join(sentence.replace("’", "'").split())
    if not any(character.isalnum() for character in text) or _QUESTION.search(text) or text.endswith(":"):
        return False
    if _COURTESY.fullmatch(text) or _only_greets(text):
        return False
    hint = _HINT.match(text)
    if not hint:
        return True
    rest = text[hint.end() :]
    asked = _ASKS.search(text)
    return bool(
        _STATES.search(
            rest[: asked.start() - hint.end()] if asked and asked.start() > hint.end() else "" if asked else rest
        )
    )


def _only_greets(text: str) -> bool:
    """A greeting with a name: "Hello Kim!"."""
    greeting = re.match(r"(?:hi|hello|hey|dear)\b", text, re.IGNORECASE)
    return bool(greeting and _GREETED.fullmatch(text[greeting.end() :]))


# Where two statements are joined to one.
_JOINT = re.compile(r";\s+|,\s+(?:and|but|while|whereas)\s+|\s+(?:while|whereas)\s+")
_PRONOUN = re.compile(r"(?:it|they|he|she)\b", re.IGNORECASE)


def statements(claim: str) -> list[str]:
    """The statements that a sentence joins, each as one of its own; only the sentence if it cannot be taken apart.

    A pronoun at the beginning of a later one stands for the subject of the first.
    """
    parts = _JOINT.split(claim.rstrip(" ."))
    if not all(_states(read(part)) for part in parts):
        return [claim]
    opening = read(parts[0])
    named = " ".join(word.written for word in opening.words[: predicate(opening)])
    return [f"{_PRONOUN.sub(named, part, count=1) if _PRONOUN.match(part) else part}." for part in parts]


def _states(part: Reading) -> bool:
    """Whether somebody or something and a verb are in it, and enough to check."""
    return 0 < predicate(part) < len(part.words) and len(part.content) >= FEWEST
