"""The demo county: its schools, clusters, agencies and the functions of those who work there; nobody in it is real."""
