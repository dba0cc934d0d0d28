import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, product

import snowballstemmer
from hypothesis import given
from hypothesis import strategies as st

from knowledge.words import content_words, sentences, stem, words


def test_sentences_are_slices_without_headings_tables_and_code() -> None:
    text = """# Fuses

A fuse melts, e.g. at
3.5 A. It opens the circuit.

- Copper conducts.
- Glass does not. Rubber neither.

| a | b |
```python
x = 1. + 2.
```
1. Switch off first.
"""
    assert sentences(text) == [
        "A fuse melts, e.g. at\n3.5 A.",
        "It opens the circuit.",
        "Copper conducts.",
        "Glass does not.",
        "Rubber neither.",
        "Switch off first.",
    ]


@given(st.text(alphabet=st.sampled_from("ab .?!\n#-|`1)>É한"), max_size=200))
def test_every_sentence_stands_verbatim_in_its_text(text: str) -> None:
    assert all(sentence in text for sentence in sentences(text))


def test_content_words_leave_out_grammar_and_keep_negation_and_numbers() -> None:
    assert content_words("What does a loop do with the 3 lists, not the first?") == [
        "loop",
        "3",
        "lists",
        "not",
        "first",
    ]


def test_forms_of_a_word_share_a_stem() -> None:
    assert stem("loops") == stem("looping") == "loop"
    assert stem("student's") == stem("students")


@given(st.text(max_size=100))
def test_any_text_has_words(text: str) -> None:
    assert all(word == word.lower() or not word.isascii() for word in words(text))


def test_threads_that_stem_at_once_get_each_the_stem_of_their_own_word() -> None:
    made_up = [
        f"{first}{second}{third}{end}"
        for first, second, third in product("bdfglmprst", "aeiou", "bdglnrt")
        for end in ("ingly", "ations", "iveness", "ed")
    ]
    alone = {word: snowballstemmer.stemmer("english").stemWord(word) for word in made_up}
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            parts = [made_up[start::8] for start in range(8)]
            together = dict(chain.from_iterable(pool.map(lambda part: [(word, stem(word)) for word in part], parts)))
    finally:
        sys.setswitchinterval(often)
    assert together == alone
