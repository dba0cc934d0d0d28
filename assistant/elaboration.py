"""Requests about the answer just given: "simpler, please", "why?", "an example", "auf Deutsch", "더 쉽게".

They name nothing to look up, so such a request is told by all of its words: every one must be in a vocabulary that is
about answers and not about subjects. "Why?" asks about the answer, "Why does it melt?" about fuses.
"""

import re
import unicodedata

from assistant.languages import NAMES
from knowledge.words import words

# Words that by themselves ask for the answer in another form, for more of it, or for its reasons.
REQUESTS = frozenset(
    """
    simple simpler simply easier easy short shorter shorten brief briefly briefer concise longer elaborate expand
    detail details detailed example examples illustrate illustration explain explanation clarify clarification
    rephrase reword reformulate paraphrase summarise summarize summary translate translation repeat continue why
    meaning mean eli5 again differently clearer plain plainer layman layman's unclear confused confusing
    einfacher einfach kürzer kurz ausführlicher genauer länger beispiel beispiele warum wieso weshalb erkläre erklär
    erklären übersetze übersetzen nochmal wiederhole zusammenfassung zusammenfassen
    simplement court courte bref brièvement exemple exemples pourquoi explique expliquer expliquez traduis
    traduisez détails détaillé résume résumer résumez répète répétez
    sencillo sencilla fácil corto corta breve ejemplo ejemplos explica explicar explícame explícalo traduce detalle
    detalles detallado resume resumir resumen repite
    simples fácil curto curta exemplo exemplos explique traduza detalhes resuma resumo repita
    semplice semplicemente facile corto esempio esempi perché spiega spiegami traduci dettagli riassumi
    riassunto ripeti
    """.split()
)
# Words that come with them and ask for nothing alone.
COMPANIONS = frozenset(
    """
    a an and another any are as at be bit bullet bullets but by can could did do does don't didn't even few for
    form format
    fewer five for from give go hmm how i i'm i've if im in into is it just kindly know language less let like lists
    list little make makes me mine more much my no not of ok okay old on once one only or other our out please pls put
    really same say saying scratch sense sentence sentences show so some something still sure table tell term
    terms than
    thank thanks that the them then there these they thing this right points those time to too two understand
    understood up us
    version want was way ways we were what what's with word words would write year yes you your
    auf bitte das dies die der den dem es ein eine einem einen etwas für gib geben in ist kannst kann könntest können
    mach mache mal mehr mir mit noch nicht sag sage sagen sie sind und verstehe verstanden wie wörter worten zum ich
    au aux avec ce ces cela ça c'est dans de des donne donner donnez du en encore et je l la le les m me moi mots ne
    pas peux pouvez peut phrase phrases plait plaît plus pour quelques qu que s'il s'il si sous svp te tu un
    une veuillez
    vous
    al con cosas da dame de decir del di dime el en entiendo es eso esto favor la las lo los más me mas no otra otro
    palabras para podrías por porfa puede puedes que quiero qué se un una vez ya
    ao com da de dê diga do dá em entendi eu isso isto mais mais me não o os outra outro palavras para pode
    poderia por
    que quero um uma você
    ancora che ci con cosa dammi di dimmi e fare favore il in la lo mi non parole per più piu potresti puoi qualche
    questo un una un'altra un'altro
    """.split()
)
# Requests of two or three small words, none of which asks alone.
PHRASES = tuple(
    tuple(phrase.split())
    for phrase in """
    how so/how come/tell me more/more please/go on/say more/what do you mean/in other words/once more/one more time
    in what way/for instance/such as/like what/is that right/are you sure/don't understand/didn't understand
    not understand/as a table/in a table/in bullets/bullet points/i'm five/por qué/por que/cómo así/wie das
    noch einmal/weiter/mehr dazu/plus/más/mais/di più/encore/et alors
    """.replace("\n", "/").split("/")
    if phrase.strip()
)
# In the language itself, as it is asked for there: "auf Deutsch", "en français".
OWN_NAMES = frozenset(
    """deutsch englisch koreanisch französisch spanisch italienisch japanisch chinesisch anglais allemand français
    francais espagnol coréen japonais chinois italien español espanol inglés ingles alemán francés coreano japonés
    português portugues inglês alemão italiano inglese tedesco francese spagnolo giapponese cinese""".split()
)
LANGUAGES = frozenset(name.lower() for name in NAMES.values()) | OWN_NAMES
# Before the name of a language, where the request has no other verb.
_IN = frozenset("in into to auf ins en em em a".split())
# A request is short.
MAX_WORDS = 16

# Scripts that part no words, or whose words carry their grammar: the request must be made of such pieces alone.
_REQUESTED = "|".join(
    sorted(
        """
        쉽게 쉬운 쉬워 간단히 간단하게 간단한 간략히 간략하게 짧게 짧은 자세히 자세하게 자세한 상세히 길게 예시
        예를 예제
        왜죠 왜요 왜 이유 설명 요약 번역 다시 풀어서 한국어로 영어로 일본어로 중국어로 독일어로 프랑스어로
        스페인어로 한글로
        무슨뜻 무슨말 이해가안 이해안 더많이 계속
        簡単に 簡単な もっと短く 短く 詳しく 例えば 例を 例は なぜ どうして 日本語で 英語で 韓国語で 中国語で
        要約 翻訳
        説明 もう一度 わかりやすく 分かりやすく やさしく 続けて
        简单 简短 短一点 详细 举个例子 举例 例子 为什么 用中文 用英文 用英语 用韩语 用日语 总结 翻译 解释
        再说一遍 通俗 继续
        簡單 簡短 詳細 舉個例子 舉例 為什麼 用英語 總結 翻譯 解釋 繼續
        """.split(),
        key=len,
        reverse=True,
    )
)
_ATTENDING = "|".join(
    sorted(
        """
        좀 더 조금 그것을 그걸 그거 이것을 이걸 이거 그 이 를 을 은 는 이 가 도 로 으로 해 해줘 해줘요 해주세요
        해주실래요
        해줄래 줄래 줄래요 해줄 수 있어 있나요 있을까요 부탁해 부탁해요 부탁드려요 부탁합니다 주세요 줘 줘요
        들어 들어줘 들어주세요 들면 하나
        말해 말해줘 말해주세요 알려줘 알려주세요 알려 설명해 그렇죠 그런가요 그래 그런지 그렇지 뭐야 뭐예요
        인가요 에요 요
        한번 만 한 것 게 돼 되 네 야 답변 대답 을요 좋아 고마워 근데 그럼 하게 하지 하면 써줘 번 로요
        もっと もう少し して してください ください お願いします お願い で を は が の に ですか か と を挙げて
        挙げて 教えて
        言って 書いて それ これ その この ありがとう もらえますか くれますか
        请 一点 一些 点 再 吧 吗 呢 给 我 你 能 可以 更 的 地 用 说 讲 一下 这个 那个 这 那 谢谢 請 給 說 嗎
        可不可以 一個 个
        """.split(),
        key=len,
        reverse=True,
    )
)
_UNSPACED = re.compile(rf"(?:{_REQUESTED}|{_ATTENDING})+")
_UNSPACED_REQUEST = re.compile(_REQUESTED)
_NOT_LETTERS = re.compile(r"[\W_]+")


def asks_about_answer(text: str) -> bool:
    """Whether the text asks for nothing but the last answer in another form, in another language, more of it, or its
    reasons."""
    return _is_request(words(text)) or _is_unspaced_request(text)


def _is_request(said: list[str]) -> bool:
    if not 0 < len(said) <= MAX_WORDS:
        return False
    if tuple(said) in PHRASES:
        return True
    if not all(word in REQUESTS or word in COMPANIONS or word in LANGUAGES for word in said):
        return False
    return not REQUESTS.isdisjoint(said) or _names_language(said) or any(_holds(said, phrase) for phrase in PHRASES)


def _holds(said: list[str], phrase: tuple[str, ...]) -> bool:
    return len(phrase) > 1 and any(tuple(said[at : at + len(phrase)]) == phrase for at in range(len(said)))


def _names_language(said: list[str]) -> bool:
    """ "In Korean": the name of a language after a preposition, or alone with thanks and pleas."""
    return any(word in LANGUAGES and (at == 0 or said[at - 1] in _IN) for at, word in enumerate(said))


def _is_unspaced_request(text: str) -> bool:
    solid = _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", text))
    return bool(_UNSPACED.fullmatch(solid)) and bool(_UNSPACED_REQUEST.search(solid))
