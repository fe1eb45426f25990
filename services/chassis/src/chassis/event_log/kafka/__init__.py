"""The event log on Apache Kafka. The only package that imports aiokafka."""

from chassis.event_log.kafka.log import KafkaEventLog
from chassis.event_log.kafka.settings import Brokers, Limits

__all__ = ["Brokers", "KafkaEventLog", "Limits"]
