"""Reads shaped for what is shown: lists of cases, a cluster's board, what was decided of a case."""
