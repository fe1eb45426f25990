"""The event log: topics, partitions, keys, groups, offsets. One interface, two adapters, one behaviour suite."""
