"""Gunicorn's settings.

WEB_CONCURRENCY is how many workers there are, and what Monobloc divides its budget of CPUs by.
"""

import os

wsgi_app = "service:app"
worker_class = "uvicorn_worker.UvicornWorker"
preload_app = os.environ.get("PRELOAD", "1") == "1"
control_socket_disable = True

# Longer than load balancers keep idle connections, so that a request never meets one just closed.
keepalive = 75

# Heartbeats are writes to a file; on a disk they may wait, and a worker would be taken for hung.
worker_tmp_dir = "/dev/shm"
