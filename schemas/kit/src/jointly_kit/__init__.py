"""For those who hear Jointly: golden events, what sends them, and a checker of what receives them.

Read `golden.py` first, then `forms.py`: what an event looks like on each of the four ways.
"""
