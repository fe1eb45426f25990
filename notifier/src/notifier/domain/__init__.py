"""Who is told of what, in which words, and when a letter is tried again. No I/O, no clock, no framework."""
