"""The development issuer: OAuth 2.0 and OpenID Connect for a laptop, refused anywhere else.

Read `app.py` first; `assertions.py` says which signed assertions are refused and why. It keeps its key,
clients and what was used once in the state folder, not in the county's database: in production all of this is
a council's own identity provider.
"""
