"""Every sentence of ours that people read in Slack, in each language that we speak.

Texts hold `{fields}` to be filled by `str.format`. Status lines follow the assistant's name, as Slack shows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.slack.formatting import mrkdwn
from connectors.slack.settings import Language

# What of a name or an id is shown within a sentence.
VALUE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is no answer, and what to do next, in Slack's mrkdwn."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


@dataclass(frozen=True, slots=True)
class Wording:
    """All texts of one language. Those about files are plain text, in which anything may be put as it is.

    Pairs are for one and for many.
    """

    # While an answer is on its way.
    searching: str
    reading: str
    writing: str
    waiting: str  # {position}
    reading_file: str  # {name}
    summarising: str
    loading: tuple[str, ...]

    # Below an answer.
    sources: str
    more_sources: tuple[str, str]  # {count}
    page: str  # {page}
    footer: str
    footer_bare: str
    footer_quoted: str
    stopped: str

    # Buttons.
    show: str
    helpful: str
    not_helpful: str
    ask_again: str

    # Files that came with a question.
    file_unreadable: str  # {reason} {remedy}
    file_not_fetched: str  # {name}
    files_too_many: str  # {limit}

    # Adding files to the documents.
    file_added: str  # {name} {collection} {passages}
    file_not_added: str  # {name} {reason}
    passages: tuple[str, str]  # {count}

    # The slash command, and a question of somebody else.
    command_help: str  # {command}
    command_taken: str  # {channel}
    asked: str  # {user}

    # After a click.
    thanks: str

    # Dialogs.
    source_title: str
    source_gone: str
    open_document: str
    feedback_title: str
    feedback_label: str
    feedback_hint: str
    ask_title: str
    ask_label: str
    ask_where: str
    ask_in_thread: str
    ask_only_me: str
    add_title: str
    add_files: str
    add_collection: str
    add_new_collection: str
    add_new_collection_hint: str
    send: str
    add: str
    close: str
    cancel: str

    # The Home tab.
    home_knows: str
    home_nothing: str
    home_documents: tuple[str, str]  # {count}
    home_such_as: str  # {names}
    home_recent: str
    home_no_recent: str
    home_open: str
    home_how: str
    home_ways: tuple[str, ...]  # {name} {command} {shortcut}
    home_help: str
    home_privacy: str
    forget: str
    forget_title: str
    forget_text: str
    forget_confirm: str
    more: str  # {count}

    # The manifest.
    shortcut_ask: str
    shortcut_ask_hint: str
    shortcut_summarise: str
    shortcut_summarise_hint: str
    shortcut_add: str
    shortcut_add_hint: str
    command_description: str
    command_hint: str

    statuses: Mapping[str, str]
    reasons: Mapping[str, Reason]

    def reason(self, name: str, **values: object) -> Reason:
        """Why there is no answer; values of its `{fields}` are made harmless. Raises KeyError for an unknown name."""
        reason = self.reasons[name]
        safe = {key: mrkdwn(str(value), VALUE_CHARACTERS) for key, value in values.items()}
        return Reason(reason.problem.format(**safe), reason.remedy.format(**safe))

    def status(self, name: str) -> str:
        """What became of a question, in a word or two; "" for what need not be told."""
        return self.statuses.get(name, "")


def counted(pair: tuple[str, str], count: int) -> str:
    """The text for one or for many, with the number in it."""
    return pair[count != 1].format(count=count)


def wording(language: Language) -> Wording:
    return _WORDINGS[language]


ENGLISH = Wording(
    searching="is searching the documents…",
    reading="is reading what it found…",
    writing="is writing…",
    waiting="has your question at place {position} in the line…",
    reading_file="is reading {name}…",
    summarising="is reading the thread…",
    loading=(
        "Searching the documents…",
        "Reading the passages that fit…",
        "Checking each sentence against its source…",
    ),
    sources="Sources",
    more_sources=("and {count} more", "and {count} more"),
    page="page {page}",
    footer="A model wrote this from the sources above. Check what matters.",
    footer_bare="A model wrote this. Check what matters.",
    footer_quoted="No model wrote this: you see only what the documents say.",
    stopped="Stopped, as you wished. Ask again whenever you like.",
    show="Show",
    helpful="Helpful",
    not_helpful="Not helpful",
    ask_again="Ask again",
    file_unreadable="A file was not read. {reason} {remedy}",
    file_not_fetched="I could not download {name}. Share it again, or paste the text into your message.",
    files_too_many="I read only the first {limit} files. Send the others with another message.",
    file_added="{name} is now in the collection {collection}: {passages}.",
    file_not_added="{name} was not added. {reason}",
    passages=("{count} passage", "{count} passages"),
    command_help=(
        "Type `{command}` and your question, such as `{command} how do I measure a current?` "
        "You can also write to me directly, or mention me in a channel."
    ),
    command_taken="Your question is in <#{channel}>, and the answer follows in its thread.",
    asked="<@{user}> asked:",
    thanks="Thank you, that helps to make the answers better.",
    source_title="Source",
    source_gone="This answer is no longer kept, so its sources cannot be shown. Ask again to see them.",
    open_document="Open the document",
    feedback_title="What was not helpful?",
    feedback_label="What was wrong or missing?",
    feedback_hint="Those who look after the documents read this. You may leave it empty.",
    ask_title="Ask about this",
    ask_label="Your question",
    ask_where="Where shall the answer appear?",
    ask_in_thread="In the thread of the message",
    ask_only_me="Only to me",
    add_title="Add to the documents",
    add_files="These files become part of what everybody can ask about:",
    add_collection="Collection",
    add_new_collection="Or a new collection",
    add_new_collection_hint="Leave this empty to use the collection chosen above.",
    send="Send",
    add="Add",
    close="Close",
    cancel="Cancel",
    home_knows="What I know",
    home_nothing="I have no documents yet.",
    home_documents=("{count} document", "{count} documents"),
    home_such_as="Among them: {names}",
    home_recent="Your recent questions",
    home_no_recent="You have not asked anything yet.",
    home_open="Open the answer",
    home_how="How to ask",
    home_ways=(
        "*Write to me* in the Messages tab above.",
        "*Mention {name}* in a channel. I answer in the thread, and go on with you there.",
        "*Type* `{command} your question` wherever you are.",
        "*Choose {shortcut}* in the menu of any message.",
        "*Attach a file*, and I answer from it in that conversation only.",
    ),
    home_help="If I cannot help",
    home_privacy="I keep your questions so that I can go on with a conversation. Only you see this page.",
    forget="Forget my questions",
    forget_title="Forget your questions?",
    forget_text="Your questions, my answers to them and your files are deleted. This cannot be undone.",
    forget_confirm="Forget them",
    more="and {count} more",
    shortcut_ask="Ask about this",
    shortcut_ask_hint="Ask a question about a message",
    shortcut_summarise="Summarize thread",
    shortcut_summarise_hint="Sum up what was said in a thread",
    shortcut_add="Add to documents",
    shortcut_add_hint="Add the files of a message to the documents",
    command_description="Ask the documents a question",
    command_hint="your question",
    statuses={
        "answered": "answered",
        "abstained": "the documents do not say",
        "clarify": "I asked back",
        "handed_off": "passed on",
        "failed": "failed",
        "waiting": "in the line",
        "working": "being answered",
        "written": "being answered",
        "stopped": "stopped",
        "refused": "not answered",
        "added": "added",
    },
    reasons={
        "line_full": Reason(
            "Too many questions are waiting, so I cannot take this one.", "Please ask again in a few minutes."
        ),
        "own_line_full": Reason(
            "Many of your questions are waiting already, so I cannot take this one.",
            "Please wait until some of them are answered, then ask again.",
        ),
        "took_too_long": Reason(
            "The answer took too long, so I stopped.",
            "Please ask again; a shorter question, or one with fewer files, is quicker.",
        ),
        "model_failed": Reason(
            "Something failed here while I was answering. It is not your question's fault.",
            "Please ask again in a few minutes.",
        ),
        "empty": Reason("I see no question in your message.", "Please write it after my name."),
        "only_emoji": Reason("I see only an emoji and no question.", "Please write your question in words."),
        "too_long": Reason(
            "Your question is longer than the {limit} characters that I can read.",
            "Please shorten it, or attach the long part as a file and ask about that.",
        ),
        "guest": Reason(
            "Guests of this workspace may not ask me.", "Please ask a member, or an administrator to let guests in."
        ),
        "stranger": Reason(
            "I answer only members of my own workspace, because I read its documents.",
            "Please ask somebody who works there.",
        ),
        "archived": Reason(
            "I cannot answer in <#{channel}>, because it is archived.", "Please ask me here, or in another channel."
        ),
        "not_in_channel": Reason(
            "I cannot answer in <#{channel}>, because I am not a member of it.",
            "Please invite me there, or ask me here.",
        ),
        "no_documents": Reason(
            "I have no documents to answer from yet.", "Please ask whoever looks after me to add some."
        ),
        "missing_scope": Reason(
            "I may not do this here, because a permission is missing: `{scope}`.",
            "An administrator must add it to the app and install the app again.",
        ),
        "not_curator": Reason(
            "Only those who look after the documents may add to them.", "Please ask one of them to add this file."
        ),
        "no_files": Reason(
            "There is no file in this message that I could add.", "Please choose a message with a file."
        ),
        "empty_thread": Reason(
            "There is nothing to sum up: nobody has answered in this thread yet.",
            "Please try again when something was said.",
        ),
    },
)

KOREAN = Wording(
    searching="문서를 찾고 있어요…",
    reading="찾은 내용을 읽고 있어요…",
    writing="답변을 쓰고 있어요…",
    waiting="순서를 기다리고 있어요. 현재 {position}번째예요…",
    reading_file="{name} 파일을 읽고 있어요…",
    summarising="스레드를 읽고 있어요…",
    loading=(
        "문서를 찾고 있어요…",
        "관련된 내용을 읽고 있어요…",
        "문장마다 출처를 확인하고 있어요…",
    ),
    sources="출처",
    more_sources=("그 밖에 {count}개", "그 밖에 {count}개"),
    page="{page}쪽",
    footer="위 출처를 바탕으로 AI 모델이 쓴 답변이에요. 중요한 내용은 꼭 확인해 주세요.",
    footer_bare="AI 모델이 쓴 답변이에요. 중요한 내용은 꼭 확인해 주세요.",
    footer_quoted="AI 모델이 지어낸 문장은 없어요. 문서에 있는 내용만 보여 드려요.",
    stopped="요청하신 대로 멈췄어요. 언제든 다시 질문해 주세요.",
    show="보기",
    helpful="도움이 됐어요",
    not_helpful="도움이 안 됐어요",
    ask_again="다시 질문하기",
    file_unreadable="읽지 못한 파일이 있어요. {reason} {remedy}",
    file_not_fetched="{name} 파일을 내려받지 못했어요. 다시 공유하거나 내용을 메시지에 붙여 넣어 주세요.",
    files_too_many="파일은 처음 {limit}개만 읽었어요. 나머지는 다른 메시지로 보내 주세요.",
    file_added="{name} 파일을 {collection} 모음에 추가했어요({passages}).",
    file_not_added="{name} 파일을 추가하지 못했어요. {reason}",
    passages=("{count}개 단락", "{count}개 단락"),
    command_help=(
        "`{command}` 뒤에 질문을 적어 주세요. 예: `{command} 전류는 어떻게 재나요?` "
        "저에게 직접 메시지를 보내거나 채널에서 저를 멘션해도 돼요."
    ),
    command_taken="질문을 <#{channel}> 채널에 올렸어요. 답변은 그 스레드에 달릴 거예요.",
    asked="<@{user}> 님의 질문:",
    thanks="의견 고맙습니다. 더 나은 답변을 드리는 데 도움이 돼요.",
    source_title="출처",
    source_gone="이 답변은 더 이상 보관되어 있지 않아 출처를 보여 드릴 수 없어요. 다시 질문하면 볼 수 있어요.",
    open_document="문서 열기",
    feedback_title="무엇이 아쉬웠나요?",
    feedback_label="틀렸거나 빠진 내용이 있나요?",
    feedback_hint="문서를 관리하는 사람들이 읽어요. 비워 두셔도 됩니다.",
    ask_title="이 메시지에 대해 질문",
    ask_label="질문",
    ask_where="답변을 어디에 보여 드릴까요?",
    ask_in_thread="메시지의 스레드에",
    ask_only_me="나에게만",
    add_title="문서에 추가",
    add_files="다음 파일을 추가하면 모두가 그 내용에 대해 질문할 수 있어요:",
    add_collection="모음",
    add_new_collection="또는 새 모음",
    add_new_collection_hint="위에서 고른 모음을 쓰려면 비워 두세요.",
    send="보내기",
    add="추가",
    close="닫기",
    cancel="취소",
    home_knows="알고 있는 것",
    home_nothing="아직 문서가 없어요.",
    home_documents=("문서 {count}개", "문서 {count}개"),
    home_such_as="예: {names}",
    home_recent="최근 질문",
    home_no_recent="아직 질문하신 적이 없어요.",
    home_open="답변 열기",
    home_how="질문하는 방법",
    home_ways=(
        "위의 메시지 탭에서 *저에게 메시지*를 보내 주세요.",
        "채널에서 *{name}을(를) 멘션*해 주세요. 스레드에서 답하고, 그 안에서 대화를 이어 갈게요.",
        "어디서든 `{command} 질문`을 *입력*해 주세요.",
        "메시지 메뉴에서 *{shortcut}*을(를) 골라 주세요.",
        "*파일을 첨부*하면 그 대화에서만 파일 내용으로 답해 드려요.",
    ),
    home_help="제가 도와드리지 못할 때",
    home_privacy="대화를 이어 갈 수 있도록 질문을 보관해요. 이 페이지는 본인에게만 보여요.",
    forget="내 질문 지우기",
    forget_title="질문을 지울까요?",
    forget_text="질문과 답변, 올리신 파일을 모두 지워요. 되돌릴 수 없어요.",
    forget_confirm="지우기",
    more="그 밖에 {count}개",
    shortcut_ask="이 메시지에 대해 질문",
    shortcut_ask_hint="메시지에 대해 질문합니다",
    shortcut_summarise="스레드 요약",
    shortcut_summarise_hint="스레드에서 나눈 이야기를 요약합니다",
    shortcut_add="문서에 추가",
    shortcut_add_hint="메시지의 파일을 문서에 추가합니다",
    command_description="문서에 대해 질문합니다",
    command_hint="질문",
    statuses={
        "answered": "답변함",
        "abstained": "문서에 없음",
        "clarify": "되물어봄",
        "handed_off": "담당자에게 전달함",
        "failed": "실패",
        "waiting": "대기 중",
        "working": "답변 중",
        "written": "답변 중",
        "stopped": "멈춤",
        "refused": "답변하지 못함",
        "added": "추가함",
    },
    reasons={
        "line_full": Reason("기다리는 질문이 너무 많아 이 질문을 받을 수 없어요.", "몇 분 뒤에 다시 질문해 주세요."),
        "own_line_full": Reason(
            "이미 기다리고 있는 질문이 많아 이 질문을 받을 수 없어요.", "답변을 몇 개 받으신 뒤에 다시 질문해 주세요."
        ),
        "took_too_long": Reason(
            "답변이 너무 오래 걸려 멈췄어요.",
            "다시 질문해 주세요. 질문이 짧거나 파일이 적으면 더 빨리 답할 수 있어요.",
        ),
        "model_failed": Reason(
            "답변하는 중에 문제가 생겼어요. 질문 때문은 아니에요.", "몇 분 뒤에 다시 질문해 주세요."
        ),
        "empty": Reason("메시지에 질문이 없어요.", "제 이름 뒤에 질문을 적어 주세요."),
        "only_emoji": Reason("이모지만 있고 질문이 없어요.", "질문을 글로 적어 주세요."),
        "too_long": Reason(
            "질문이 제가 읽을 수 있는 {limit}자보다 길어요.",
            "질문을 줄이거나, 긴 내용은 파일로 첨부하고 그에 대해 질문해 주세요.",
        ),
        "guest": Reason(
            "이 워크스페이스의 게스트는 저에게 질문할 수 없어요.",
            "멤버에게 부탁하거나 관리자에게 게스트 허용을 요청해 주세요.",
        ),
        "stranger": Reason(
            "저는 제 워크스페이스의 문서를 읽기 때문에 그 멤버에게만 답해요.", "그곳에서 일하는 분에게 물어봐 주세요."
        ),
        "archived": Reason("<#{channel}> 채널은 보관되어 있어 답할 수 없어요.", "여기나 다른 채널에서 질문해 주세요."),
        "not_in_channel": Reason(
            "제가 <#{channel}> 채널의 멤버가 아니어서 답할 수 없어요.", "저를 초대하거나 여기에서 질문해 주세요."
        ),
        "no_documents": Reason("아직 답변에 쓸 문서가 없어요.", "저를 관리하는 분에게 문서를 추가해 달라고 해 주세요."),
        "missing_scope": Reason(
            "필요한 권한이 없어 여기서는 할 수 없어요: `{scope}`.",
            "관리자가 앱에 권한을 추가하고 앱을 다시 설치해야 합니다.",
        ),
        "not_curator": Reason(
            "문서를 관리하는 사람만 문서를 추가할 수 있어요.", "그분들에게 이 파일을 추가해 달라고 해 주세요."
        ),
        "no_files": Reason("이 메시지에는 추가할 수 있는 파일이 없어요.", "파일이 있는 메시지를 골라 주세요."),
        "empty_thread": Reason(
            "이 스레드에는 아직 답글이 없어 요약할 내용이 없어요.", "이야기가 오간 뒤에 다시 해 주세요."
        ),
    },
)

_WORDINGS: Mapping[Language, Wording] = {"en": ENGLISH, "ko": KOREAN}
