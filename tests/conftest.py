"""What every test has: one thread a network (they are tiny), so that a busy machine does not make them crawl."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
