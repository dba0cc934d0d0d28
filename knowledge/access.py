"""Who may read which collection. The retriever asks it before it searches, so that no way of asking goes around it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

Kind = Literal["everyone", "user", "group", "channel", "workspace"]
Audience = Literal["person", "workspace", "anyone"]

# Among a caller's groups: there may be more that nobody could tell us of. It opens nothing, and shuts what is closed to
# any group.
UNSURE = "?"
_READER = re.compile(r"(!?)(user|group|channel|workspace):(?:([^\s/](?:[^/]*[^\s/])?)/)?([^\s/](?:[^/]*[^\s/])?)")
_FORMS = '"everyone", "user:U045", "user:T01/U045", "group:S0123", "channel:C067" or "workspace:T01"'


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and from where. `groups` are those of the workspace that the person belongs to.

    `audience` says who reads the answer: the person alone, people of their workspace (in a channel), or anyone (in a
    channel that is shared with other workspaces). What only some of the audience may read is not told to all of it.
    """

    user: str = "local"
    workspace: str = ""
    channel: str = ""
    groups: tuple[str, ...] = ()
    audience: Audience = "person"

    @property
    def id(self) -> str:
        """The person, in whatever channel: "workspace/user", or "user" where there are no workspaces."""
        return f"{self.workspace}/{self.user}" if self.workspace else self.user


# Whoever runs the assistant and may see every collection. It is this very object: nobody becomes it by a name.
OPERATOR = Caller("operator")
UNKNOWN = Caller("", groups=(UNSURE,), audience="anyone")


@dataclass(frozen=True, slots=True)
class Reader:
    """One rule of a collection: whom it opens the collection to or, when `excluded`, whom it closes it to."""

    kind: Kind
    id: str = ""
    workspace: str = ""
    excluded: bool = False

    @classmethod
    def parse(cls, text: str) -> "Reader":
        """A rule as a profile writes it. Raises ValueError, which shows the right forms."""
        if text == "everyone":
            return cls("everyone")
        found = _READER.fullmatch(text)
        if found is None or (found[3] and found[2] != "user"):
            raise ValueError(f"{text!r} is no reader; write {_FORMS}, and with ! before it whom to leave out")
        kind = cast(Kind, found[2])
        return cls(kind, found[4], found[3] or "", bool(found[1]))

    def fits(self, caller: Caller) -> bool:
        """Whether the rule speaks of this caller."""
        match self.kind:
            case "everyone":
                return True
            case "user":
                return self.id == caller.user and self.workspace in ("", caller.workspace)
            case "group":
                return self.id in caller.groups or (self.excluded and UNSURE in caller.groups)
            case "channel":
                return self.id == caller.channel
            case "workspace":
                return self.id == caller.workspace

    def holds_for_all(self, audience: Audience) -> bool:
        """Whether what the rule says of the caller is true of everybody who reads the answer."""
        if self.kind in ("user", "group"):
            return audience == "person"
        return self.kind != "workspace" or audience != "anyone"


@dataclass(frozen=True, slots=True)
class Access:
    """The readers of each collection that names any. A collection that names none is open to everybody."""

    readers: Mapping[str, tuple[Reader, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Mapping[str, Sequence[str]]) -> "Access":
        """From rules as a profile writes them. Raises ValueError."""
        return cls({name: parsed(texts) for name, texts in rules.items()})

    def allows(self, collection: str, caller: Caller | None) -> bool:
        """Whether this caller may read the collection, there where the answer goes. Nobody is known of None."""
        if caller is OPERATOR or collection not in self.readers:
            return True
        return _allowed(self.readers[collection], caller or UNKNOWN)

    def readable(self, collections: Iterable[str], caller: Caller | None) -> list[str]:
        """Those of the collections that this caller may read, in their order."""
        return [name for name in collections if self.allows(name, caller)]

    def closed(self, caller: Caller | None) -> list[str]:
        """The collections, whether they exist or not, that this caller may not read."""
        return [name for name in self.readers if not self.allows(name, caller)]


OPEN = Access()


def parsed(texts: Sequence[str]) -> tuple[Reader, ...]:
    """The rules of one collection. Raises ValueError."""
    rules = tuple(Reader.parse(text) for text in texts)
    if rules and all(rule.excluded for rule in rules):
        raise ValueError('it says only who may not read; add "everyone", or those who may')
    return rules


def _allowed(rules: Sequence[Reader], caller: Caller) -> bool:
    """Leaving out goes before letting in."""
    left_out = [rule for rule in rules if rule.excluded]
    if any(rule.fits(caller) for rule in left_out):
        return False
    # Somebody else who reads the answer may be left out. Then only a channel that is named opens the collection there.
    doubtful = any(not rule.holds_for_all(caller.audience) for rule in left_out)
    return any(
        rule.fits(caller) and rule.holds_for_all(caller.audience) and (rule.kind == "channel" or not doubtful)
        for rule in rules
        if not rule.excluded
    )
