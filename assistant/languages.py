"""Which language a text is written in, and what it is called in English, for telling a model which one to write."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "nb": "Norwegian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}


def name(code: str) -> str:
    """What a BCP 47 code such as "ko" or "pt-BR" is called in English; for one that is not known here, the code."""
    return NAMES.get(code.partition("-")[0].lower(), f'the language with the code "{code}"')


# Scripts that tell the language by themselves. A text with kana is Japanese, however many Chinese characters it has.
_SCRIPTS = (
    ("ko", re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")),
    ("ja", re.compile("[\u3041-\u30ff\uff66-\uff9f]")),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")),
)
# How sure the identifier must be, 0 to 1: less of a language that many speak, because it is the likelier one. Of 1,137
# English questions and claims none was taken for another language with more than 0.38.
_COMMON = frozenset(["de", "en", "es", "fr", "it", "pt", "ru"])
_SURE, _LIKELY = 0.6, 0.4
# More of a text says nothing new.
_ENOUGH = 400


def detect(text: str) -> str:
    """The code of the language that a text is written in, "ko"; empty when that cannot be told, as from "ok"."""
    words = text[:_ENOUGH].split()
    for code, script in _SCRIPTS:
        others = [word for word in words if not script.search(word)]
        if 2 * len(others) <= len(words) > 0:
            return code
        words = others  # a word of another language is what the question is about
    code, confidence = identifier().classify(" ".join(words))
    return code if confidence >= (_LIKELY if code in _COMMON else _SURE) else ""


@cache
def identifier() -> "LanguageIdentifier":
    """What tells languages in other scripts apart. Loading it takes a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(NAMES.keys() & set(identifier.labels))
    return identifier
