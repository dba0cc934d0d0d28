"""Asking back: one short question, built from what the documents tell apart."""

import re
from collections.abc import Callable, Sequence

from assistant.references import Reference, choices
from assistant.types import Passage
from knowledge.words import FUNCTION_WORDS, words

# A question with more to choose from is no longer short.
MOST_OPTIONS = 4
# Letters and digits of what is offered.
LONGEST_OPTION = 40
# Words as they stand in a heading. Nothing here can be markup, an address or a mention, nor be invisible.
_CLEAN = re.compile(r"[^\W_]+(?:(?: |[-'’]| & )[^\W_]+)*")
# How headings are joined to the path of a section.
HEADINGS = " > "
# Headings made of nothing but such words, small words and numbers name a part of a document and not what it is about.
_PARTS = frozenset(
    """
    answer answers solution solutions exercise exercises problem problems question questions quiz review practice check
    homework contents content table index introduction intro overview preface foreword summary conclusion conclusions
    recap chapter section part page lesson unit module appendix appendices glossary references bibliography notes note
    key terms term objectives learning goals takeaways example examples background details general misc miscellaneous
    untitled title frequently asked faq faqs further reading next steps start started getting beginning end
    antworten lösungen übungen aufgaben fragen inhalt inhaltsverzeichnis einleitung einführung überblick
    zusammenfassung kapitel abschnitt anhang beispiele hinweise
    réponses exercices sommaire matières résumé chapitre annexe exemples
    respuestas ejercicios preguntas índice contenido introducción resumen capítulo anexo ejemplos
    risposte esercizi domande indice introduzione riassunto capitolo esempi
    respostas exercícios perguntas conteúdo introdução resumo exemplos
    답 정답 해답 연습 문제 연습문제 목차 소개 서론 개요 요약 부록 예제 용어 참고
    目次 はじめに 概要 まとめ 練習問題 解答 付録 目录 简介 概述 总结 练习 答案 附录
    i ii iii iv v vi vii viii ix x xi xii de la des of
    """.split()
)


def clarification(pointed: Sequence[Reference], passages: Sequence[Passage], say: Callable[..., str]) -> str:
    """The question to ask back, on one line. `pointed` is what the person's question points to, the most doubtful
    first; `passages` what was found; `say` gives the phrase of a name with its fields filled.

    What it offers are words of the documents: names of the kind that is meant, else headings under which it stands.
    """
    reference = next((one for one in pointed if one.words), Reference())
    subject = " ".join(reference.words)
    offered = options(reference, passages)
    if not subject:
        return say("open_clarification")
    if not offered:
        return say("clarification", subject=subject)
    return say("choice", subject=subject, options=", ".join(offered))


def options(reference: Reference, passages: Sequence[Passage]) -> list[str]:
    """Two to MOST_OPTIONS things that may be meant, or none."""
    named = clean(choices(reference, (f"{passage.section}\n{passage.text}" for passage in passages)))
    offered = named if len(named) > 1 else clean(_headings(reference, passages))
    return offered[:MOST_OPTIONS] if len(offered) > 1 else []


def clean(texts: Sequence[str]) -> list[str]:
    """Those that are short and nothing but words, each once."""
    plain = (" ".join(text.split()) for text in texts)
    fit = [text for text in plain if len(text) <= LONGEST_OPTION and _CLEAN.fullmatch(text) and not text.isdigit()]
    return list({text.casefold(): text for text in reversed(fit)}.values())[::-1]


def heading(section: str) -> str:
    """The last heading of a section's path that says what the section is about; none where no heading does."""
    return next((one.strip() for one in reversed(section.split(HEADINGS)) if _tells(one)), "")


def _tells(one: str) -> bool:
    return any(not (word.isdigit() or word in _PARTS or word in FUNCTION_WORDS) for word in words(one))


def _headings(reference: Reference, passages: Sequence[Passage]) -> list[str]:
    """The headings of the passages that speak of the kind of thing that is meant."""
    kind = " ".join(reference.words).lower()
    if not kind:
        return []
    return [heading(p.section) for p in passages if kind in f"{p.section} {p.text}".lower()]
