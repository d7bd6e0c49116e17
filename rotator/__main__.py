"""`python -m rotator` is `rotator`, where no console script is at hand: out of the source tree, nothing installed."""

import sys

from rotator.cli.main import main

sys.exit(main())
