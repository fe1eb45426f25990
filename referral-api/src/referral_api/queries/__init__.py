"""Reads shaped for who asks: lists a page at a time, timelines, the queue of the intake desk."""
