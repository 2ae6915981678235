"""``python -m manidiff``."""

import sys

from manidiff.command import main

sys.exit(main())
