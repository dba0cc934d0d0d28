"""What every part of the connector works with."""

from dataclasses import dataclass

from assistant import Assistant
from connectors.slack.health import Health
from connectors.slack.metrics import Metrics
from connectors.slack.pacing import Pacing
from connectors.slack.people import People
from connectors.slack.settings import SlackSettings
from connectors.slack.statuses import Statuses
from connectors.slack.store import Store
from connectors.slack.tasks import Tasks
from connectors.slack.wording import Wording, wording
from connectors.slack.workspaces import Workspaces


@dataclass(frozen=True, slots=True)
class Services:
    """One of each for a running connector."""

    assistant: Assistant
    settings: SlackSettings
    store: Store
    workspaces: Workspaces
    pacing: Pacing
    people: People
    statuses: Statuses
    tasks: Tasks
    metrics: Metrics
    health: Health

    def words(self, channel: str) -> Wording:
        """Our own sentences in the language of a channel."""
        return wording(self.settings.language_of(channel))
