"""Where blocks of series are worked on.

`protocol` says what an engine does, `local` does it in threads of this process, `processes` in processes of this
machine.
"""
