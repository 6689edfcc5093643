"""The doors of foresell: programs that people and scripts call. They ask `foresell.flow` and do no arithmetic."""
