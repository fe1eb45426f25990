"""FHIR R4 as senders of the NHS write it, brought into the shape of `POST /v1/referrals`. Read `message.py` first."""
