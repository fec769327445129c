"""`python -m walkprint` is the command line."""

import sys

from walkprint.cli import main

sys.exit(main())
