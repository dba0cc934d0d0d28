"""Formulas in LaTeX as text that can be read where no formula is rendered."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pylatexenc.latex2text import get_default_latex_context_db

# No formula in an answer is longer or nested more deeply.
MAX_CHARACTERS = 2_000
MAX_DEPTH = 30

_PIECE = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)
_CONTROL_WORD = re.compile(r"\\[A-Za-z\\]")
# Space that only the source needs.
_LOOSE = re.compile(r"(?<=[(\[⟨]) | (?=[)\]⟩,;])")
_RAISED = str.maketrans(
    "0123456789+-=()abcdefghijklmnoprstuvwxyz∗′°∘−TABDEGHIJKLMNOPRUW",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ∗′°°⁻ᵀᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵁᵂ",
)
_LOWERED = str.maketrans("0123456789+-=()aeoxhklmnpstijruv", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ")
_SPACED = frozenset("=<>·≤≥≠≈≡∼∝∈∉⊂⊆⊃⊇→⇒⇔↔←⟶⟹⟺±∓×÷∪∩∧∨≪≫↦≅")
_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp min max sup inf lim limsup liminf det "
    "dim ker deg gcd arg Pr hom".split()
)
_SPACES = {",", ";", ":", " ", ">", "quad", "qquad", "enspace", "thinspace"}
_DROPPED = frozenset(
    "! displaystyle textstyle scriptstyle limits nolimits nonumber notag left right middle big Big bigg Bigg bigl bigr "
    "Bigl Bigr biggl biggr Biggl Biggr bigm allowbreak hfill".split()
)
_OWN = {"{": "{", "}": "}", "%": "%", "$": "$", "&": "&", "#": "#", "_": "_", "|": "‖", "ne": "≠", "neq": "≠"}
_OWN |= {"to": "→", "implies": "⇒", "iff": "⇔", "ge": "≥", "le": "≤", "cdot": "·", "mid": "∣", "colon": ":"}
_OWN |= {"lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "vert": "∣", "Vert": "‖", "degree": "°"}
_OWN |= {"dots": "…", "ldots": "…", "cdots": "⋯", "bmod": " mod ", "backslash": "∖", "prime": "′"}
_OWN |= {"lvert": "∣", "rvert": "∣", "lVert": "‖", "rVert": "‖", "land": "∧", "lor": "∨", "lnot": "¬", "gets": "←"}
_OWN |= {"iint": "∬", "iiint": "∭", "sim": "∼", "ast": "∗", "star": "⋆", "hbar": "ℏ", "ell": "ℓ", "square": "□"}
_ACCENTS = {"hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304"}
_ACCENTS |= {"dot": "\u0307", "ddot": "\u0308", "vec": "\u20d7", "overrightarrow": "\u20d7", "check": "\u030c"}
_LINES = {"overline": "\u0305", "underline": "\u0332"}
_UPRIGHT = frozenset("mathrm mathbf mathit mathsf mathtt mathcal mathscr mathfrak boldsymbol bm boxed fbox".split())
_TEXT = frozenset("text textrm textbf textit textsf texttt textnormal mbox operatorname operatorname*".split())
_MATRICES = {"matrix": "()", "pmatrix": "()", "bmatrix": "[]", "Bmatrix": "{}", "vmatrix": "∣∣", "Vmatrix": "‖‖"}
_MATRICES |= {"smallmatrix": "()"}
_ALIGNED = frozenset("align align* aligned gather gather* gathered equation equation* split multline".split())
# What Markdown would read for its own.
_LOOKALIKES = str.maketrans({"*": "∗", "`": "‘", "~": "∼", "|": "∣", "\\": "∖"})


class _UnreadableError(Exception):
    """There is something in the formula that no text stands for."""


@lru_cache(maxsize=2048)
def readable(latex: str) -> str | None:
    r"""The formula in Unicode, such as "x² + √y/2" with a newline for each `\\`; None when it cannot be told so."""
    if len(latex) > MAX_CHARACTERS:
        return None
    try:
        text = _Reader(latex).whole()
    except _UnreadableError:
        return None
    lines = (_LOOSE.sub("", " ".join(line.split())) for line in text.split("\n"))
    return "\n".join(line for line in lines if line).translate(_LOOKALIKES) or None


class _Reader:
    """Reads a formula from left to right; each method returns text."""

    def __init__(self, latex: str) -> None:
        self._pieces = _PIECE.findall(latex)
        self._at = 0
        self._depth = 0

    def whole(self) -> str:
        text = self._until("")
        if self._at < len(self._pieces):
            raise _UnreadableError
        return text

    def _next(self) -> str:
        """The next piece, "" at the end."""
        piece = self._pieces[self._at] if self._at < len(self._pieces) else ""
        self._at += 1
        return piece

    def _peek(self) -> str:
        return self._pieces[self._at] if self._at < len(self._pieces) else ""

    def _until(self, closing: str) -> str:
        """All up to a closing piece, which is taken; "" is the end."""
        shown: list[str] = []
        while (piece := self._next()) != closing:
            if not piece:
                raise _UnreadableError
            text = self._piece(piece)
            if text[:1].isalnum() and shown and shown[-1] in _FUNCTIONS:
                shown.append(" ")
            shown.append(text)
        return "".join(shown)

    def _piece(self, piece: str) -> str:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _UnreadableError
        text = self._shown(piece)
        self._depth -= 1
        return text

    def _shown(self, piece: str) -> str:
        if piece in _READERS:
            return _READERS[piece](self)
        if len(piece) > 1 and piece[0] == "\\":
            return self._macro(piece[1:])
        if piece in "}\\$":
            raise _UnreadableError
        if piece.isspace():
            return " "
        return f" {piece} " if piece in _SPACED else piece

    def _group(self) -> str:
        return self._until("}")

    def _argument(self) -> str:
        """What a macro or a script applies to."""
        while self._peek().isspace():
            self._next()
        piece = self._next()
        if not piece or piece in "}^_&":
            raise _UnreadableError
        return self._piece(piece).strip()

    def _raised(self) -> str:
        return _script(self._argument(), _RAISED, "^")

    def _lowered(self) -> str:
        return _script(self._argument(), _LOWERED, "_")

    def _macro(self, name: str) -> str:
        if name in _MACROS:
            return _MACROS[name](self)
        if name in _DROPPED:
            return self._delimiter(name)
        if name in _SPACES or name.isspace():
            return " "
        if name in _FUNCTIONS:
            return name
        self._skip_space(name)
        return _symbol(name)

    def _skip_space(self, name: str) -> None:
        """The space behind a name only ends it."""
        if name[0].isalpha() and self._peek().isspace():
            self._next()

    def _delimiter(self, name: str) -> str:
        """`\\left.` is a delimiter that is not shown."""
        self._skip_space(name)
        if name in ("left", "right") and self._peek() == ".":
            self._next()
        return ""

    def _fraction(self) -> str:
        return f"{_operand(self._argument())}/{_operand(self._argument())}"

    def _binomial(self) -> str:
        return f"C({self._argument()}, {self._argument()})"

    def _root(self) -> str:
        degree = ""
        if self._peek() == "[":
            self._next()
            degree = self._until("]")
        sign = {"": "√", "2": "√", "3": "∛", "4": "∜"}.get(degree) or f"{_script(degree, _RAISED, '^')}√"
        return f"{sign}{_operand(self._argument())}"

    def _words(self) -> str:
        """A group of which every character stands for itself."""
        if self._next() != "{":
            raise _UnreadableError
        start = self._at
        while (piece := self._next()) != "}":
            if not piece or piece in "{$" or _CONTROL_WORD.match(piece):
                raise _UnreadableError
        return "".join(piece.removeprefix("\\") for piece in self._pieces[start : self._at - 1])

    def _modulo(self) -> str:
        return f" (mod {self._argument()})"

    def _tag(self) -> str:
        return f" ({self._words()})"

    def _double_struck(self) -> str:
        return "".join(map(_double_struck, self._argument()))

    def _environment(self) -> str:
        name = self._words()
        if name in _MATRICES:
            around = _MATRICES[name]
            return f"{around[0]}{'; '.join(', '.join(row) for row in self._rows(name))}{around[1]}"
        if name == "cases":
            return f"{{ {'; '.join(', '.join(row) for row in self._rows(name))}"
        if name not in _ALIGNED:
            raise _UnreadableError
        return "\n".join(" ".join(row) for row in self._rows(name))

    def _rows(self, name: str) -> list[list[str]]:
        """The cells of an environment, row by row."""
        rows, start = [[""]], self._at
        while (piece := self._next()) != r"\end":
            if piece == "&":
                rows[-1].append("")
            elif piece == r"\\":
                rows.append([""])
            elif piece and self._at - start < MAX_CHARACTERS:
                rows[-1][-1] += self._piece(piece)
            else:
                raise _UnreadableError
        if self._words() != name:
            raise _UnreadableError
        return [[" ".join(cell.split()) for cell in row] for row in rows if any(map(str.strip, row))]


def _accented(mark: str, each: bool = False) -> Callable[[_Reader], str]:
    def accent(reader: _Reader) -> str:
        text = reader._argument()
        return "".join(c + mark for c in text) if each else text + mark

    return accent


def _struck(reader: _Reader) -> str:
    """`\\not=` is ≠, in one character where there is one."""
    return unicodedata.normalize("NFC", reader._argument() + "\u0338")


_READERS: dict[str, Callable[[_Reader], str]] = {
    "{": _Reader._group,
    "^": _Reader._raised,
    "_": _Reader._lowered,
    "'": lambda reader: "′",
    "~": lambda reader: " ",
    "&": lambda reader: " ",
    r"\\": lambda reader: "\n",
}
_MACROS: dict[str, Callable[[_Reader], str]] = {
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac"), _Reader._fraction),
    **dict.fromkeys(("binom", "dbinom", "tbinom"), _Reader._binomial),
    **dict.fromkeys(_UPRIGHT, _Reader._argument),
    **dict.fromkeys(_TEXT, _Reader._words),
    **{name: _accented(mark) for name, mark in _ACCENTS.items()},
    **{name: _accented(mark, each=True) for name, mark in _LINES.items()},
    "sqrt": _Reader._root,
    "mathbb": _Reader._double_struck,
    "begin": _Reader._environment,
    "pmod": _Reader._modulo,
    "tag": _Reader._tag,
    "not": _struck,
}


def _script(text: str, table: dict[int, int], sign: str) -> str:
    """Small figures where Unicode has all of them, else in brackets."""
    close = text.replace(" ", "")
    if all(ord(c) in table for c in close):
        return close.translate(table)
    return f"{sign}{_operand(text)} "


def _operand(text: str) -> str:
    """In brackets, if it could be read for more or less than one operand."""
    simple = len(text) <= 1 or re.fullmatch(r"[\d.]+|[d∂]?\w[\u0300-\u036f\u20d7′²³¹⁰-₟ₐ-ₜᵢ-ᵪ]*", text)
    return text if simple or _bracketed(text) else f"({text})"


def _bracketed(text: str) -> bool:
    if text[0] != "(" or text[-1] != ")":
        return False
    depth = 0
    for character in text[:-1]:
        depth += (character == "(") - (character == ")")
        if not depth:
            return False
    return True


def _double_struck(letter: str) -> str:
    for name in ("DOUBLE-STRUCK CAPITAL", "MATHEMATICAL DOUBLE-STRUCK CAPITAL"):
        try:
            return unicodedata.lookup(f"{name} {letter}")
        except KeyError:
            continue
    return letter


@lru_cache(maxsize=1)
def _context() -> Any:
    return get_default_latex_context_db()


def _symbol(name: str) -> str:
    """A macro without arguments."""
    text = _OWN.get(name)
    if text is None:
        spec = _context().get_macro_spec(name)
        text = getattr(spec, "simplify_repl", None)
    if not isinstance(text, str) or not text or ("%" in text and name != "%"):
        raise _UnreadableError
    return f" {text} " if text in _SPACED else text
