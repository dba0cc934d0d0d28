"""An answer's Markdown, made into Markdown that Slack shows right and that harms nobody.

An answer arrives in pieces and is shown while it arrives, so text is released as soon as nothing that follows can
change what it means, and never taken back. How it was cut into pieces makes no difference.
"""

from connectors.slack.characters import Visible
from connectors.slack.escaping import link, mrkdwn, plain
from connectors.slack.markdown import Markdown
from connectors.slack.neutral import Neutral
from connectors.slack.parts import Parts, Piece

__all__ = ["Formatter", "Parts", "Piece", "formatted", "link", "mrkdwn", "plain"]

# Read at a time, so that what is held stays small and the time that a long text takes grows with its length only.
STRETCH = 4_096


class Formatter:
    """Markdown as a model writes it -> Markdown that Slack shows right. What was released is never taken back.

    Mentions and addresses with a label do not come to life, nothing is fetched, and nothing is hidden. Tables and
    formulas become text that can be read as it is.
    """

    def __init__(self) -> None:
        self._visible = Visible()
        self._markdown = Markdown()
        self._neutral = Neutral()

    def feed(self, text: str) -> str:
        """What can be released now."""
        stretches = (text[at : at + STRETCH] for at in range(0, len(text), STRETCH))
        return "".join(self._neutral.feed(self._markdown.feed(self._visible.feed(part))) for part in stretches)

    def finish(self) -> str:
        """The rest, with what is still open closed."""
        return self._neutral.feed(self._markdown.finish()) + self._neutral.finish()


def formatted(text: str) -> str:
    """The whole of an answer at once."""
    formatter = Formatter()
    return formatter.feed(text) + formatter.finish()
