import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from knowledge.lexical import MAX_TOKENS, coverage, grams, held, query, rarities, telling

TEXTS = st.text(alphabet=st.sampled_from("ab1 '\"-_é한국어日本テ ースト猫ไทยกิน!。\n"), max_size=60)


def test_text_whose_words_spaces_part_has_no_grams() -> None:
    assert grams("A fuse opens the circuit. Größe, вода, 42") == ""


def test_forms_of_a_korean_word_share_a_pair() -> None:
    assert set(grams("환불은").split()) & set(grams("환불을").split()) == {"환불"}


def test_single_ideographs_are_found_in_longer_runs() -> None:
    assert query("猫").tokens == ("猫",)
    assert "猫" in grams("黒猫が来た").split()


def test_letters_of_another_script_in_one_word_are_found_by_themselves() -> None:
    assert {"solar", "한국"} <= set(grams("SOLAR는 한국의 모델").split())
    assert "solar" in query("SOLAR가 뭐예요?").tokens


def test_decomposed_and_composed_hangul_are_the_same() -> None:
    composed, decomposed = "\ud55c\uad6d\uc5b4", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"
    assert grams(decomposed) == grams(composed)


def test_korean_grammar_is_not_looked_up() -> None:
    assert not {"무엇", "인가", "어디"} & set(query("환불은 무엇인가요? 어디에 있나요?").tokens)
    assert "환불" in query("환불은 무엇인가요?").tokens


def test_a_question_of_nothing_but_grammar_keeps_its_words() -> None:
    assert query("What is it?").tokens == ("what", "is", "it")
    assert query("무엇인가요?").tokens


def test_a_question_has_bounded_tokens() -> None:
    assert len(query(" ".join(f"word{n}" for n in range(200)) + "가나다라마바사" * 30).tokens) <= MAX_TOKENS


@given(TEXTS)
def test_full_text_search_takes_the_tokens_of_any_text_as_they_are(text: str) -> None:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE VIRTUAL TABLE found USING fts5 (words, grams, tokenize = 'porter unicode61')")
        database.execute("INSERT INTO found VALUES (?, ?)", (text, grams(text)))
        wanted = query(text)
        for gram in wanted.grams:
            rows = database.execute("SELECT count(*) FROM found WHERE found MATCH ?", (f'grams: "{gram}"',))
            assert rows.fetchone() == (1,), gram
        for word in wanted.words:
            database.execute("SELECT count(*) FROM found WHERE found MATCH ?", (f'"{word}"',)).fetchone()


def test_common_words_are_left_out_when_rarer_ones_are_there() -> None:
    found = {"the": 90_000, "fuse": 300, "melts": 40, "unknown": 0}
    assert telling(found, 1_000) == ["melts", "fuse"]
    assert telling({"the": 90_000}, 1_000) == ["the"]
    assert telling({"unknown": 0}, 1_000) == []


def test_where_meaning_is_searched_too_a_common_word_is_not_looked_up_at_all() -> None:
    assert telling({"the": 5_000, "fuse": 4_000}, 1_000, common=5_000) == ["fuse"]
    assert telling({"the": 5_000}, 1_000, common=5_000) == []


def test_rare_words_count_for_more_in_coverage() -> None:
    rarity = rarities({"fuse": 1, "water": 500}, 1_000)
    assert coverage(rarity, held("Two fuses melt.")) > 0.7 > 0.3 > coverage(rarity, held("Waters rise.")) > 0.0
    assert coverage(rarity, held("Fuses under water")) == 1.0
    assert coverage({}, held("anything")) == 0.0
