"""How the fake Slack says no."""

from typing import Any


class SlackError(Exception):
    """A refusal, with Slack's own word for it; the rest is what Slack adds to `{"ok": false, "error": code}`."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.more = more

    @property
    def answer(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.more}
