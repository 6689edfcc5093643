"""Where blocks of series are worked on: `protocol` says what an engine does, `local` does it on this machine."""
