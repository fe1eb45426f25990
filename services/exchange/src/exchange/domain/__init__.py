"""What may be told to whom, and how: rules, projections, audiences, retries, addresses. No I/O, no clock."""
