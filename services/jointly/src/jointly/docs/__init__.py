"""The pages for people who build on the house: its routes, its events, its codes, and a first event in ten minutes."""
