"""What exchange does: hears, decides who may hear it, tells; and what subscribers and officers ask of it."""
