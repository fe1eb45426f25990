"""What a child, a referral and a case are, and what may happen to them. No I/O, no clock, no framework."""
