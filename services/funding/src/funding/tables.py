"""This service's tables."""

from typing import Final

import sqlalchemy as sa
from chassis.tables import chassis_tables

metadata: Final = sa.MetaData(schema="funding")
chassis: Final = chassis_tables(metadata)
