"""Counts and times for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from rag.types import Answer

_BUCKETS_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """Counts of one service, with its process's memory and time, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = self._make_counter("requests", "Requests", "method", "route", "status")
        self.request_seconds = self._make_histogram("request_seconds", "Time to answer", "route")
        self.stage_seconds = self._make_histogram("stage_seconds", "Time of one stage", "stage")
        self.answers = self._make_counter("answers", "Answers by how they came out", "language", "mode", "outcome")
        self.verdicts = self._make_counter("verdicts", "Citations by verdict", "verdict")
        self.articles = self._make_counter("articles", "Articles that came over HTTP", "outcome")
        self.feedback = self._make_counter("feedback", "Ratings of answers", "rating")
        self.open_requests = Gauge("dalil_requests_open", "Requests being answered", registry=self._registry)

    def count_answer(self, answer: Answer) -> None:
        """Count an answer, its citations and its stages."""
        outcome = f"refused_{answer.reason}" if answer.refused else "answered"
        outcome = f"degraded_{answer.reason}" if answer.degraded else outcome
        self.answers.labels(answer.language, answer.mode, outcome).inc()
        for citation in answer.citations:
            self.verdicts.labels(citation.verdict).inc()
        for stage, milliseconds in answer.timings_ms.items():
            self.stage_seconds.labels(stage).observe(milliseconds / 1000)

    def render(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)

    def _make_counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"dalil_{name}", about, labels, registry=self._registry)

    def _make_histogram(self, name: str, about: str, *labels: str) -> Histogram:
        return Histogram(f"dalil_{name}", about, labels, buckets=_BUCKETS_S, registry=self._registry)
