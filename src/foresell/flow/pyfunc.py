"""Where MLflow looks for the loader of a version that was registered before `serving.pyfunc` had its name.

The files of such a version name this module; it has nothing of its own.
"""

from foresell.serving.pyfunc import _load_pyfunc as _load_pyfunc
