"""The event log on Apache Kafka. The only package that imports aiokafka; RELIABILITY P15-P28 say why it is as it is."""

from chassis.event_log.kafka.log import KafkaEventLog
from chassis.event_log.kafka.settings import Brokers, Limits

__all__ = ["Brokers", "KafkaEventLog", "Limits"]
