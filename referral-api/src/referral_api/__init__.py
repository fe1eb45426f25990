"""Takes referrals from every agency and keeps the one record of child, referral and case.

Read `domain/` first (identity, circumstances, lifecycle), then `handlers/intake.py`: the whole journey in.
"""
