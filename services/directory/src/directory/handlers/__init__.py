"""Everything the directory does: what the register and lists say of schools, organisations and people, and by hand."""
