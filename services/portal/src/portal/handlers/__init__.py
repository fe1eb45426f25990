"""Signing in and staying so, marks, and batches."""
