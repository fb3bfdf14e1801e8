"""A courier that fetches and brings parcels over HTTP. Press F5 and watch it in the Network Usage view:

    courier  --- downloads, uploads --->  depot    (a child process, over IPv6 where there is any)
       `---- starts now and then ----->   weigh    (a child process that lives for a moment)

The downloader and the uploader are threads of this process, each with a connection that stays open.
"""

import http.client
import random
import subprocess
import sys
import threading
from pathlib import Path

from stopping import stop_on_signals, stopped

HERE = Path(__file__).parent


def start_depot() -> tuple[subprocess.Popen, str, int]:
    """Starts the depot and waits until it says where it listens."""
    depot = subprocess.Popen(
        [sys.executable, str(HERE / "depot.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert depot.stdout is not None
    words = depot.stdout.readline().split()
    if len(words) != 2:
        raise RuntimeError(f"the depot ended early with status {depot.wait()}")
    return depot, words[0], int(words[1])


def repeat(job, host: str, port: int) -> None:
    """Does `job` over and over on one connection, and takes a new connection after a failure."""
    connection = http.client.HTTPConnection(host, port, timeout=30)
    while not stopped.is_set():
        try:
            job(connection)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if not stopped.wait(1):
                print(f"courier: {error!r}, trying again", flush=True)
    connection.close()


def download(connection: http.client.HTTPConnection) -> None:
    """Fetches one parcel, a large one each fifth time or so, then rests."""
    size = random.randint(4_000_000, 7_000_000) if random.random() < 0.2 else random.randint(50_000, 900_000)
    connection.request("GET", f"/parcels/{size}")
    # A good place for a breakpoint: the answer has begun, the parcel has not been read.
    response = connection.getresponse()
    while not stopped.is_set() and response.read(65_536):
        pass
    stopped.wait(random.uniform(0.2, 2.0))


def upload(connection: http.client.HTTPConnection) -> None:
    """Brings a series of parcels that grow, then takes a longer rest: a staircase in the chart."""
    for step in range(1, 6):
        connection.request("POST", "/parcels", body=random.randbytes(step * 150_000))
        connection.getresponse().read()
        if stopped.wait(1):
            return
    stopped.wait(6)


def weigh_parcels(host: str, port: int) -> None:
    """Starts a short-lived process every eight seconds."""
    while not stopped.wait(8):
        size = random.randint(100_000, 500_000)
        subprocess.run([sys.executable, str(HERE / "weigh.py"), host, str(port), str(size)], check=False)


def main() -> None:
    stop_on_signals()
    depot, host, port = start_depot()
    print(f"courier: the depot is at {host} port {port}", flush=True)
    threads = [
        threading.Thread(target=repeat, args=(download, host, port), name="downloader"),
        threading.Thread(target=repeat, args=(upload, host, port), name="uploader"),
        threading.Thread(target=weigh_parcels, args=(host, port), name="weigher"),
    ]
    for thread in threads:
        thread.start()
    while not stopped.wait(1):
        if depot.poll() is not None:
            print(f"courier: the depot ended with status {depot.returncode}", flush=True)
            stopped.set()
    print("courier: going home", flush=True)
    for thread in threads:
        thread.join()
    depot.terminate()
    depot.wait()


if __name__ == "__main__":
    main()
