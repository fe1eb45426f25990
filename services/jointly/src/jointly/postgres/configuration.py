"""What the embedded server is told, written anew at each start so that old clusters learn of new wishes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TEXT: Final = """\
# Written at each start. Put your own settings in local.conf, beside this file.
listen_addresses = ''
port = 5432
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = '128MB'
max_wal_size = '512MB'
jit = off
timezone = 'UTC'

# What was said to be kept is kept.
fsync = on
full_page_writes = on
synchronous_commit = on

# Roles have narrower limits of their own; this is for whoever has none.
idle_in_transaction_session_timeout = '60s'

# Statements, their values and the details of their errors name people. None of it is written down: an error
# goes to its caller only; what is left (starts, stops, refused log-ins, crashes) comes without detail.
log_destination = 'stderr'
logging_collector = off
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = none
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
{more}
include 'local.conf'
"""


def text(sockets: Path, more: Mapping[str, str]) -> str:
    """The configuration of a server whose only door is a socket in `sockets`; `more` are settings by name."""
    return _TEXT.format(sockets=sockets, more="".join(f"{name} = '{value}'\n" for name, value in more.items()))
