"""What the house says of itself: structured logs and metrics. Ids, codes and counts only, never what a person wrote."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

REQUESTS: Final = Counter(
    "jointly_requests_total", "HTTP requests by route and status.", ("service", "method", "route", "status")
)
REQUEST_SECONDS: Final = Histogram(
    "jointly_request_seconds",
    "Seconds from a request to its answer.",
    ("service", "method", "route"),
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
BATCH_SIZE: Final = Histogram(
    "jointly_batch_size",
    "Requests that shared one transaction.",
    ("handler",),
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
PUBLISHED: Final = Counter("jointly_published_total", "Events that the relay handed to the log.", ("service",))
OUTBOX_LAG: Final = Gauge(
    "jointly_outbox_lag_rows",
    "Outbox rows not yet published.",
    ("service",),
    multiprocess_mode="livemostrecent",
)
CONSUMED: Final = Counter("jointly_consumed_total", "Records taken from the log.", ("consumer",))
CONSUMER_LAG: Final = Gauge(
    "jointly_consumer_lag_records",
    "Records not yet taken.",
    ("consumer",),
    multiprocess_mode="livemostrecent",
)
PARKED: Final = Counter(
    "jointly_parked_total", "Events that had to wait or could not be taken.", ("consumer", "reason")
)
PARKED_NOW: Final = Gauge(
    "jointly_parked_events",
    "Events that wait now, by state.",
    ("consumer", "state"),
    multiprocess_mode="livemostrecent",
)
GAPS: Final = Counter("jointly_gaps_given_up_total", "Gaps in a subject's sequence that never filled.", ("consumer",))
DEADLINES: Final = Counter("jointly_deadlines_fired_total", "Deadlines that fired.", ("service", "kind"))


def _no_exception_text(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception's message may quote a row: only its class is logged."""
    info = event.pop("exc_info", None)
    if info:
        error = sys.exc_info()[1] if info is True else info
        event.setdefault("error", type(error).__name__)
    return event


def configure_logging(level: str = "INFO") -> None:
    """One JSON object a line on standard error, for our own words and everybody else's."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _no_exception_text,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
