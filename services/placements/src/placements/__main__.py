"""`python -m placements`: what this service is, for whoever looks at the package alone."""

from placements.app import SERVICE

if __name__ == "__main__":
    print(f"{SERVICE.name}: {SERVICE.summary}\nRun it with: jointly run {SERVICE.name}")  # noqa: T201
