"""What the directory knows and decides: schools, extracts, successors, people and duty. No I/O, no clock."""
