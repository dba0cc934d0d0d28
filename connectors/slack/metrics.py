"""What is counted and timed, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

PREFIX = "assistant_slack"
# Seconds. Slack wants an acknowledgement within 3 s; an answer takes as long as the model needs.
QUICK = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0)
SLOW = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Metrics:
    """Counters, gauges and histograms, each in a registry of its own: two connectors in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events_total = self._counter(
            "events", "What Slack delivered; outcome is accepted, duplicate or ignored.", "type", "outcome"
        )
        self.questions_total = self._counter("questions", "Questions that were accepted.", "where")
        self.answers_total = self._counter("answers", "Answers that were delivered.", "status")
        self.api_calls_total = self._counter(
            "api_calls",
            "Calls of Slack's Web API; outcome is ok, refused, rate_limited or broken.",
            "method",
            "outcome",
        )
        self.rate_limited_total = self._counter("rate_limited", "Calls that Slack put off.", "method")
        self.ack_seconds = self._histogram("ack_seconds", "From a delivery to its acknowledgement.", QUICK)
        self.first_status_seconds = self._histogram(
            "first_status_seconds", "From a question to the first sign of life.", QUICK
        )
        self.first_text_seconds = self._histogram("first_text_seconds", "From a question to its first words.", SLOW)
        self.answer_seconds = self._histogram("answer_seconds", "From a question to its whole answer.", SLOW)
        self.api_seconds = self._histogram("api_seconds", "One call of Slack's Web API.", QUICK, "method")
        self.queue_waiting = self._gauge("queue_waiting", "Questions that wait.")
        self.queue_working = self._gauge("queue_working", "Questions that are worked on.")
        self.sockets_connected = self._gauge("sockets_connected", "Socket Mode connections that are up.")

    def render(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, labels, registry=self.registry, buckets=buckets)
