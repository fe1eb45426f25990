"""Situations that end a command with one sentence instead of a traceback. Imported when something ends one."""

from typing import Final

from jointly.commands.reset import NotAStateFolder
from jointly.commands.token import NobodyLikeThat, NoTokensHere
from jointly.database import NoAdministrator
from jointly.demo.agency import NothingRuns, Refused
from jointly.house import NoSuchService, NotConfigured
from jointly.kafka_artifacts import KafkaUnavailable
from jointly.lock import AlreadyRunning
from jointly.postgres import AlreadyRunning as PostgresRunning
from jointly.postgres import CannotRunHere, MadeByAnotherVersion, NotStarted
from jointly.serving import PortTaken
from jointly.supervisor import CannotStart
from jointly.welcome import NotSeeded

EXPECTED: Final = (
    AlreadyRunning,
    CannotRunHere,
    CannotStart,
    KafkaUnavailable,
    MadeByAnotherVersion,
    NoAdministrator,
    NoSuchService,
    NoTokensHere,
    NobodyLikeThat,
    NotAStateFolder,
    NotConfigured,
    NotSeeded,
    NotStarted,
    NothingRuns,
    PortTaken,
    PostgresRunning,
    Refused,
)
