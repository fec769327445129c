"""`python -m walkprint` is the command line."""

import sys
from pathlib import Path

import walkprint
from walkprint.cli import main

# Python looks for modules in the current folder first; those that lie there are imported only by --import.
if sys.path[:1] == [str(Path.cwd())] and Path(walkprint.__file__).parents[1] != Path.cwd():
    del sys.path[0]
sys.exit(main())
