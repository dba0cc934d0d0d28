"""The sentences of ours that a person reads around an answer, in the asker's language.

A profile may set each of them under `[persona]`: as one text for every language, or as a table with a text for each
language. What it leaves out is said in the words below.

To add a phrase: write it below in every language of `LANGUAGES`, name it in `PHRASES`, and give `PersonaSettings` a
field of that name. `{fields}` in it are filled by `say`; all languages have the same ones.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from assistant import placeholders

if TYPE_CHECKING:
    from assistant.settings import PersonaSettings

ABSTENTION = {
    "en": "The documents do not say.",
    "ko": "문서에 나와 있지 않아요.",
    "de": "Das steht nicht in den Dokumenten.",
    "es": "Los documentos no lo dicen.",
    "fr": "Les documents ne le disent pas.",
    "ja": "文書には書かれていません。",
    "zh": "文档中没有说明。",
    "pt": "Os documentos não dizem isso.",
    "it": "I documenti non lo dicono.",
}
QUOTATION = {
    "en": "In the documents' own words:",
    "ko": "문서에 적힌 그대로 옮기면 다음과 같아요:",
    "de": "Im Wortlaut der Dokumente:",
    "es": "En palabras de los propios documentos:",
    "fr": "Dans les termes mêmes des documents :",
    "ja": "文書の原文のまま引用します：",
    "zh": "以下是文档原文：",
    "pt": "Nas palavras dos próprios documentos:",
    "it": "Con le parole dei documenti stessi:",
}
CUT_OFF = {
    "en": "The answer breaks off here.",
    "ko": "답변이 여기에서 끊겼어요.",
    "de": "Die Antwort bricht hier ab.",
    "es": "La respuesta se interrumpe aquí.",
    "fr": "La réponse s'interrompt ici.",
    "ja": "回答はここで途切れています。",
    "zh": "回答在此处中断。",
    "pt": "A resposta é interrompida aqui.",
    "it": "La risposta si interrompe qui.",
}
UNCONFIRMED = {
    "en": "What is marked with ⚠ is not confirmed by the documents.",
    "ko": "⚠ 표시가 있는 문장은 문서에서 확인되지 않았어요.",
    "de": "Was mit ⚠ gekennzeichnet ist, bestätigen die Dokumente nicht.",
    "es": "Los documentos no confirman lo marcado con ⚠.",
    "fr": "Ce qui est marqué ⚠ n'est pas confirmé par les documents.",
    "ja": "⚠ の付いた文は文書で確認されていません。",
    "zh": "带有 ⚠ 的内容未得到文档证实。",
    "pt": "O que está marcado com ⚠ não é confirmado pelos documentos.",
    "it": "Ciò che è segnato con ⚠ non è confermato dai documenti.",
}
UNCHECKED = {
    "en": "This answer was not checked against the documents.",
    "ko": "이 답변은 문서와 대조하지 않았어요.",
    "de": "Diese Antwort wurde nicht mit den Dokumenten abgeglichen.",
    "es": "Esta respuesta no se ha comprobado con los documentos.",
    "fr": "Cette réponse n'a pas été vérifiée dans les documents.",
    "ja": "この回答は文書と照合されていません。",
    "zh": "此回答未与文档核对。",
    "pt": "Esta resposta não foi verificada nos documentos.",
    "it": "Questa risposta non è stata verificata nei documenti.",
}
CLARIFICATION = {
    "en": "Which {subject} do you mean?",
    "ko": "어떤 것을 말씀하시는 건가요? ({subject})",
    "de": "Was genau meinen Sie mit „{subject}“?",
    "es": "¿A qué se refiere exactamente con «{subject}»?",
    "fr": "De quoi parlez-vous exactement : « {subject} » ?",
    "ja": "「{subject}」とは、どれのことでしょうか？",
    "zh": "您说的“{subject}”具体是指哪一个？",
    "pt": "O que você quer dizer com “{subject}”?",
    "it": "Che cosa intende esattamente con «{subject}»?",
}
CHOICE = {
    "en": "Which {subject} do you mean: {options}?",
    "ko": "{subject} 중에서 어떤 것을 말씀하시는 건가요: {options}?",
    "de": "Was genau meinen Sie mit „{subject}“: {options}?",
    "es": "¿A qué se refiere exactamente con «{subject}»: {options}?",
    "fr": "De quoi parlez-vous exactement avec « {subject} » : {options} ?",
    "ja": "「{subject}」とは、次のどれのことでしょうか：{options}？",
    "zh": "您说的“{subject}”具体是指哪一个：{options}？",
    "pt": "O que você quer dizer com “{subject}”: {options}?",
    "it": "Che cosa intende esattamente con «{subject}»: {options}?",
}
OPEN_CLARIFICATION = {
    "en": "What exactly do you mean?",
    "ko": "정확히 무엇을 말씀하시는 건가요?",
    "de": "Was genau meinen Sie damit?",
    "es": "¿A qué se refiere exactamente?",
    "fr": "De quoi parlez-vous exactement ?",
    "ja": "具体的にどれのことでしょうか？",
    "zh": "您具体是指什么？",
    "pt": "O que você quer dizer exatamente?",
    "it": "Che cosa intende esattamente?",
}
SEARCHED = {
    "en": "I searched {collections} (documents: {documents}).",
    "ko": "{collections}에서 문서 {documents}개를 찾아보았어요.",
    "de": "Durchsucht wurde {collections} (Dokumente: {documents}).",
    "es": "He buscado en {collections} (documentos: {documents}).",
    "fr": "J'ai cherché dans {collections} (documents : {documents}).",
    "ja": "{collections}の文書{documents}件を検索しました。",
    "zh": "我在{collections}中搜索了{documents}份文档。",
    "pt": "Pesquisei em {collections} (documentos: {documents}).",
    "it": "Ho cercato in {collections} (documenti: {documents}).",
}
CLOSEST = {
    "en": "What comes closest: {places}.",
    "ko": "가장 가까운 내용이에요: {places}.",
    "de": "Am nächsten kommt dem: {places}.",
    "es": "Lo más parecido que hay: {places}.",
    "fr": "Ce qui s'en approche le plus : {places}.",
    "ja": "最も近い内容はこちらです：{places}。",
    "zh": "最接近的内容：{places}。",
    "pt": "O que há de mais próximo: {places}.",
    "it": "Ciò che si avvicina di più: {places}.",
}
PHRASES: Mapping[str, Mapping[str, str]] = {
    "abstention": ABSTENTION,
    "quotation": QUOTATION,
    "cut_off": CUT_OFF,
    "unconfirmed": UNCONFIRMED,
    "unchecked": UNCHECKED,
    "clarification": CLARIFICATION,
    "choice": CHOICE,
    "open_clarification": OPEN_CLARIFICATION,
    "searched": SEARCHED,
    "closest": CLOSEST,
}
LANGUAGES = tuple(ABSTENTION)


def say(persona: "PersonaSettings", phrase: str, language: str, **values: object) -> str:
    """The phrase of that name in the language with that BCP 47 code, its `{fields}` filled with the values.

    The profile's own words come first. Where there are none in that language, nor built-in ones, English is spoken.
    """
    return placeholders.fill(_text(getattr(persona, phrase), PHRASES[phrase], language), values)


def wordings(persona: "PersonaSettings", phrase: str) -> set[str]:
    """All texts that a phrase without fields may have, in whatever language."""
    own = getattr(persona, phrase)
    texts = {own} if isinstance(own, str) else set(own.values())
    return {placeholders.fill(text, {}) for text in {*texts, *PHRASES[phrase].values()} if text}


def check(phrase: str, own: object) -> str | dict[str, str]:
    """What a profile says in place of a phrase. Raises ValueError for what is neither a text nor a table of texts, and
    for a placeholder that the phrase has not."""
    if isinstance(own, str):
        return _checked(phrase, own)
    if not isinstance(own, dict):
        raise ValueError(_EITHER)
    for code in own:
        if not code.partition("-")[0].isalpha():
            raise ValueError(f'{code!r} is no code of a language such as "ko" or "pt-BR"')
    return {code.lower(): _checked(phrase, text) for code, text in own.items()}


_EITHER = 'it takes a text, or a table with a text for each language, such as {en = "…", ko = "…"}'


def _checked(phrase: str, text: object) -> str:
    if not isinstance(text, str):
        raise ValueError(_EITHER)
    return placeholders.check(text, placeholders.placeholders(PHRASES[phrase]["en"]))


def _text(own: str | Mapping[str, str], built_in: Mapping[str, str], language: str) -> str:
    if isinstance(own, str) and own:
        return own
    table = {} if isinstance(own, str) else own
    for code in (language.lower(), language.lower().partition("-")[0]):
        text = table.get(code) or built_in.get(code)
        if text:
            return text
    return table.get("en") or built_in["en"]
