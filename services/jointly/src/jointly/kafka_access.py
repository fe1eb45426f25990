"""Who may do what on a secured broker: read from one file, compared with the broker, and brought to be so.

The file names principals with the topics that they read and write and the prefix of their consumer groups. Whoever
is not in it may do nothing. A right that the broker has and the file has not is taken away from the file's principals.
"""

import asyncio
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import (
    CreateAclsRequest,
    DeleteAclsRequest,
    DescribeAclsRequest,
)
from chassis.event_log.kafka import Brokers
from chassis.service import Service
from schemas.topics import TOPICS

from jointly.kafka_artifacts import DEPLOY, KafkaUnavailable

FILE: Final = DEPLOY / "access.toml"
_SECONDS: Final = 20.0
_ANYBODY, _ALLOW = "*", 3
#: Kafka's own numbers, with the names that its tools print.
_RESOURCES: Final = {"topic": 2, "group": 3, "cluster": 4}
_PATTERNS: Final = {"literal": 3, "prefixed": 4}
_OPERATIONS: Final = {
    "read": 3,
    "write": 4,
    "create": 5,
    "alter": 7,
    "describe": 8,
    "describe-configs": 10,
    "alter-configs": 11,
}
_ANY: Final = 1
_NAME_OF: Final = {
    kind: {number: name for name, number in names.items()}
    for kind, names in (("resource", _RESOURCES), ("pattern", _PATTERNS), ("operation", _OPERATIONS))
}


class Right(NamedTuple):
    """Something that a principal may do, as Kafka keeps it."""

    principal: str
    resource: str
    name: str
    pattern: str
    operation: str

    @property
    def wire(self) -> tuple[int, str, int, str, str, int, int]:
        """The form of the protocol."""
        return (
            _RESOURCES[self.resource], self.name, _PATTERNS[self.pattern], f"User:{self.principal}", _ANYBODY,
            _OPERATIONS[self.operation], _ALLOW,
        )  # fmt: skip

    def __str__(self) -> str:
        """In words."""
        star = "*" if self.pattern == "prefixed" else ""
        return f"{self.principal}: {self.operation} {self.resource} {self.name}{star}"


class BadAccessFile(ValueError):
    """The file says something that cannot be."""


@dataclass(frozen=True, slots=True)
class Access:
    """What the file says."""

    rights: frozenset[Right]
    principals: frozenset[str]

    @classmethod
    def read(cls, file: Path = FILE) -> Self:
        """Raises `BadAccessFile`."""
        principals = tomllib.loads(file.read_text(encoding="utf-8"))["principal"]
        rights: set[Right] = set()
        for name, entry in principals.items():
            if unknown := entry.keys() - {"what", "reads", "writes", "groups", "makes"}:
                raise BadAccessFile(f"{name}: there is no {', '.join(sorted(unknown))}.")
            for operation, topics in (("read", entry.get("reads", [])), ("write", entry.get("writes", []))):
                for topic in topics:
                    if topic not in TOPICS:
                        raise BadAccessFile(f"{name}: there is no topic {topic}.")
                    rights.add(Right(name, "topic", topic, "literal", operation))
            if prefix := entry.get("groups"):
                rights.add(Right(name, "group", prefix, "prefixed", "read"))
            if prefix := entry.get("makes"):
                rights |= _of_who_makes_topics(name, prefix)
        return cls(frozenset(rights), frozenset(principals))


def _of_who_makes_topics(name: str, prefix: str) -> set[Right]:
    """`*` makes and looks after all topics; a prefix such as `agreement-` makes its own and writes there."""
    if prefix == "*":
        operations = {"create", "alter", "alter-configs", "describe", "describe-configs"}
        on_topics = {Right(name, "topic", "*", "literal", each) for each in operations}
        return {*on_topics, Right(name, "cluster", "kafka-cluster", "literal", "describe")}
    return {Right(name, "topic", prefix, "prefixed", each) for each in ("create", "describe-configs", "write")}


def needs(service: Service) -> tuple[set[str], set[str]]:
    """The topics that a service reads and those that it writes, as its code says."""
    return {s.event.topic.name for s in service.subscriptions}, {topic.name for topic in service.topics}


class AccessControl:
    """The rights on one cluster, by a principal that may change them."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers

    async def differences(self, wanted: Access) -> tuple[list[Right], list[Right]]:
        """What the broker lacks, and what it has too much of, among the file's principals."""
        found = await self.found(wanted.principals)
        return sorted(wanted.rights - found), sorted(found - wanted.rights)

    async def apply(self, wanted: Access) -> tuple[list[Right], list[Right]]:
        """Make it so: first give, then take. Answers what was given and what was taken."""
        lacking, surplus = await self.differences(wanted)
        async with asyncio.timeout(_SECONDS):
            for kind, rights in ((CreateAclsRequest, lacking), (DeleteAclsRequest, surplus)):
                for right in rights:
                    [answer] = await self._ask(kind(*right.wire))
                    if answer[0]:
                        raise KafkaUnavailable(f"The broker refused to change “{right}”: {answer[1]}")
        return lacking, surplus

    async def found(self, principals: Iterable[str]) -> frozenset[Right]:
        """What these may do now."""
        question = DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY)
        async with asyncio.timeout(_SECONDS):
            resources = await self._ask(question)
        wanted = {f"User:{name}": name for name in principals}
        return frozenset(
            Right(
                wanted[principal],
                _NAME_OF["resource"].get(resource, str(resource)),
                name,
                _NAME_OF["pattern"].get(pattern, str(pattern)),
                _NAME_OF["operation"].get(operation, str(operation)),
            )
            for resource, name, pattern, acls in resources
            for principal, _host, operation, permission in acls
            if principal in wanted and permission == _ALLOW
        )

    async def _ask(self, question: Any) -> Any:
        client = AIOKafkaAdminClient(**self._brokers.options())
        try:
            await client.start()
            answer = await client._send_to_controller(question)  # noqa: SLF001  the library has no method for rights
        finally:
            await client.close()
        if isinstance(question, DescribeAclsRequest):
            if answer.error_code:
                raise KafkaUnavailable(f"The broker does not tell of rights: {answer.error_message}")
            return answer.resources
        return answer.creation_responses if isinstance(question, CreateAclsRequest) else answer.filter_responses
