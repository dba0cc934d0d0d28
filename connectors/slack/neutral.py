"""Seeing to it that no text calls people in Slack."""

import re

# Between two characters that must not be read together; nobody sees it.
ZWSP = "\u200b"

_ESCAPED = r"&(?:amp;){0,8}"
_LESS_ENTITY = rf"{_ESCAPED}(?:lt|#0{{0,8}}60|#x0{{0,8}}3c);?"
_SIGN = rf"\\?(?:[!@#]|{_ESCAPED}(?:excl|commat|num|#0{{0,8}}(?:33|35|64)|#x0{{0,8}}(?:21|23|40));?)"
_AT = rf"(?:[@\uff20\ufe6b]|{_ESCAPED}(?:commat|#0{{0,8}}64|#x0{{0,8}}40);?)"
# Whatever follows: a message may end within a word.
_LOUD = r"(?:channel|here|everyone|group)"
# <!channel>, <@U1>, <#C1>, in characters or in entities, which may be escaped more than once; an address in entities,
# because it could have a label; and the bare words that Slack may take for a mention.
_ALIVE = re.compile(
    rf"(?:<|{_LESS_ENTITY})(?={_SIGN})|{_LESS_ENTITY}(?=[a-z]{{2,10}}:)|{_AT}(?={_LOUD}|[a-z]{{0,8}}{_ESCAPED}#)",
    re.IGNORECASE | re.ASCII,
)
# What those are made of, up to the sign that decides.
_MAKINGS = "<&@\uff20\ufe6b;#\\abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_START = re.compile("[<&@\uff20\ufe6b]")
# None of them is longer.
_LONGEST = 128


def neutral(text: str) -> str:
    """The text with every mention broken up; it looks the same."""
    return _ALIVE.sub(rf"\g<0>{ZWSP}", text)


class Neutral:
    """The same, piece by piece."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be released now."""
        self._held += text
        end = self._held[-_LONGEST:]
        run = len(end) - len(end.rstrip(_MAKINGS))
        start = _START.search(self._held, len(self._held) - run)
        return self._release(start.start() if start else len(self._held))

    def finish(self) -> str:
        """The rest."""
        return self._release(len(self._held))

    def _release(self, upto: int) -> str:
        released, done = [], 0
        for found in _ALIVE.finditer(self._held):
            if found.end() > upto:
                upto = min(upto, found.start())
                break
            released += [self._held[done : found.end()], ZWSP]
            done = found.end()
        released.append(self._held[done:upto])
        self._held = self._held[upto:]
        return "".join(released)
