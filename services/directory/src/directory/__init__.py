"""The directory: organisations, schools, people, their roles and who is on duty.

Read `domain/schools.py` first, then `handlers/`.
"""
