"""RQ carries jobs to its workers: names and numbers only, the rows are the truth."""

from __future__ import annotations

from typing import Any

import structlog
from redis import Redis, RedisError
from rq import Queue, Worker
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

log = structlog.get_logger(__name__)
PERFORM = "hyperstrate.shared.queue.perform"
FORGET_FAILED_S = 20


class RqCarrier:
    """The queue ``<prefix>:jobs``. RQ knows each try by its number, so that it has it once."""

    def __init__(self, redis_url: str, prefix: str) -> None:
        connection = Redis.from_url(redis_url, socket_timeout=2, socket_connect_timeout=2)
        self.queue = Queue(f"{prefix}:jobs", connection=connection, serializer=JSONSerializer)

    def hand_over(self, job_id: str, name: str, attempts: int, *, longest_s: float) -> bool:
        options: dict[str, Any] = {
            "job_id": f"{job_id}-{attempts}",
            "unique": True,
            "job_timeout": max(1, round(longest_s)),
            "result_ttl": 0,
            "failure_ttl": FORGET_FAILED_S,
        }
        try:
            self.queue.enqueue(PERFORM, job_id, name, attempts, **options)
        except DuplicateJobError:
            return True
        except RedisError as error:
            log.warning("job_not_handed_over", job=name, job_id=job_id, error=str(error))
            return False
        return True

    def serve(self) -> None:
        """A worker without RQ's scheduler, whose lock outlives a killed process by a minute."""
        queue = self.queue
        worker = Worker([queue], connection=queue.connection, serializer=queue.serializer)
        worker.work(logging_level="WARNING")
