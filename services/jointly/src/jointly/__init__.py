"""The host: runs services from one command, with a development issuer, a demo county and operators' commands.

Read `__main__.py` for the commands, `supervisor.py` for what `jointly run` does, `front.py` for how a service
is reached.
"""
