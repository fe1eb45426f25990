"""Multi-agency assessment, advice, plans and statutory clocks."""
