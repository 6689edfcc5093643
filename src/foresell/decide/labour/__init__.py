"""Labour and equipment: from units to hours of work, from these to people by interval, and to shifts."""
