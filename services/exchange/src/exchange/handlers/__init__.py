"""What is done about what is heard and asked."""
