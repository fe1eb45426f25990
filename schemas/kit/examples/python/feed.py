"""Hears a sector's feed from Kafka: signs in, reads in order, does the work once, and only then says that it has it.

    JOINTLY_BOOTSTRAP=broker:9093 JOINTLY_USERNAME=health-system JOINTLY_PASSWORD=… \
    JOINTLY_TOPIC=health-feed JOINTLY_GROUP=health-warehouse python feed.py

Stop it with Ctrl-C or SIGTERM, start it again, start three: nothing is lost, and nothing is done twice.
"""

import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from heard import Heard

REFUSED = 3


def event_of(record: "ConsumerRecord[bytes, bytes]") -> dict[str, Any]:
    """A record in binary mode: attributes are headers that begin with `ce_`, the value is the data."""
    attributes = {name.removeprefix("ce_"): value.decode() for name, value in record.headers if name.startswith("ce_")}
    return {**attributes, "data": json.loads(record.value or b"{}")}


def take_all(heard: Heard, records: Iterable["ConsumerRecord[bytes, bytes]"]) -> None:
    """One after the other: everything of one case lies in one partition, in its order."""
    for record in records:
        heard.take(event_of(record))


async def run(heard: Heard) -> None:
    """Read until told to stop."""
    protocol = os.environ.get("JOINTLY_SECURITY", "SASL_SSL")
    consumer = AIOKafkaConsumer(
        os.environ["JOINTLY_TOPIC"],
        bootstrap_servers=os.environ["JOINTLY_BOOTSTRAP"],
        group_id=os.environ["JOINTLY_GROUP"],
        security_protocol=protocol,
        ssl_context=ssl.create_default_context() if protocol.endswith("SSL") else None,
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=os.environ["JOINTLY_USERNAME"],
        sasl_plain_password=os.environ["JOINTLY_PASSWORD"],
        auto_offset_reset="earliest",  # the first time: from the beginning of what is kept
        enable_auto_commit=False,  # we say ourselves how far we are
    )
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        await consumer.start()
        while not stop.is_set():
            for partition, records in (await consumer.getmany(timeout_ms=500, max_records=500)).items():
                await asyncio.to_thread(take_all, heard, records)
                # After the work, never before. If we die in between, the same comes again, and `Heard` knows it.
                await consumer.commit({partition: records[-1].offset + 1})
    finally:
        await consumer.stop()


def main() -> int:
    """Returns the exit code."""
    heard = Heard(Path(os.environ.get("JOINTLY_STORE", "heard.sqlite")))
    try:
        asyncio.run(run(heard))
    except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as refused:
        sys.stderr.write(f"not-authorised: this principal may not read here ({type(refused).__name__})\n")
        return REFUSED
    finally:
        heard.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
