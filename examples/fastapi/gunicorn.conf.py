"""Gunicorn's settings.

WEB_CONCURRENCY is how many workers there are, and what Monobloc divides its budget of CPUs by.
STATE_DIR is where workers count together, and go on counting after a reload. Workers that are
forked from a master that loaded share counters without it; of others each would speak for itself,
so they get a folder that lasts as long as the master.
"""

import os
import shutil
import tempfile
from typing import Any

wsgi_app = "service:app"
worker_class = "uvicorn_worker.UvicornWorker"
preload_app = os.environ.get("PRELOAD", "1") == "1"
control_socket_disable = True

if not preload_app and "STATE_DIR" not in os.environ:
    own_state = tempfile.mkdtemp(prefix="monobloc-", dir="/dev/shm")
    os.environ |= {"STATE_DIR": own_state, "OWN_STATE_DIR": own_state}


def on_exit(server: Any) -> None:
    if own_state := os.environ.get("OWN_STATE_DIR"):
        shutil.rmtree(own_state, ignore_errors=True)


# Longer than load balancers keep idle connections, so that a request never meets one just closed.
keepalive = 75

# Heartbeats are writes to a file; on a disk they may wait, and a worker would be taken for hung.
worker_tmp_dir = "/dev/shm"
