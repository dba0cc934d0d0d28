"""Roles and labels by which a text could pass for somebody else's: the person's, the system's, or ours."""

import re
from collections.abc import Callable

from assistant.untrusted.characters import folded

# Tokens of the usual chat templates.
_TOKEN = re.compile(
    r"<(?=\|[\w /-]{1,40}\|?>)|<(?=/?s>|/?(?:bos|eos|start_of_turn|end_of_turn|unk|pad)>|</?SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM(?:_PROMPT)?|AVAILABLE_TOOLS|TOOL_CALLS)\])",
    re.IGNORECASE,
)
_ROLES = (
    "system|user|assistant|human|developer|시스템|사용자|어시스턴트|benutzer|nutzer|assistent|usuario|asistente"
    "|utilisateur|système|システム|ユーザー|アシスタント|系统|用户|助手"
)
# Words for roles that are as often something else: they count only behind hashes.
_MORE_ROLES = f"{_ROLES}|ai|bot|chatbot|instructions?|input|response|tool"
# The lines by which a prompt or an answer of ours is divided.
_OURS = (
    "according to the text|they asked|you answered|earlier in this conversation|sources?|quellen|fuentes|출처|出典|来源"
)
# At the beginning of a line, whatever decorates it.
_LABEL = re.compile(
    rf"^[^\S\n]*(?:[>*_\-+|\"'`\[(#][^\S\n]*)*"
    rf"(?:{_ROLES}|{_OURS})(?:[^\S\n]+(?:message|prompt|role))?[*_\])\"'`]*[^\S\n]*:",
    re.IGNORECASE | re.MULTILINE,
)
# Of what the label matched, what goes: hashes, and a colon of whatever kind at its end.
_DECORATED = re.compile(r"[#＃]|\s*[^\w\s]$")
# SOLAR's template sets a heading right behind an answer, without a line's end between them.
_HEADING = re.compile(rf"(?<!#)##[#\s]{{0,200}}+(?=(?:{_MORE_ROLES})\s*:)", re.IGNORECASE)


def forges_turn(text: str) -> bool:
    """Whether the text holds what only a chat template writes."""
    plain = folded(text)
    return bool(_TOKEN.search(plain) or _HEADING.search(plain))


def neutralise(text: str) -> str:
    """The text with its forged tokens broken up and its forged labels without a colon: "User: x" is "User - x".

    It sees through letters that only look alike. Doing it twice is the same as doing it once.
    """
    return _replaced(neutralise_tokens(text), _LABEL, lambda label: f"{_DECORATED.sub('', label)} -")


def neutralise_tokens(text: str) -> str:
    """The same without the labels, which in code are names like any others."""
    apart = _replaced(text, _TOKEN, lambda token: f"{token} ")
    return _replaced(apart, _HEADING, lambda _: "")


def _replaced(text: str, pattern: re.Pattern[str], write: Callable[[str], str]) -> str:
    pieces, at = [], 0
    for found in pattern.finditer(folded(text)):
        pieces += [text[at : found.start()], write(text[found.start() : found.end()])]
        at = found.end()
    return "".join([*pieces, text[at:]])
