"""How the programs of the courier end: in order, on Ctrl+C, on SIGTERM, and when the parent is gone."""

import signal
import threading

#: Set once the process is asked to stop. Everything that waits, waits on this.
stopped = threading.Event()


def stop_on_signals() -> None:
    """Sets `stopped` on SIGINT and SIGTERM. To be called from the main thread."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
