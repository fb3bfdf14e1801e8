"""The depot: an HTTP server that hands parcels out and takes parcels in.

It prints the port it got as its first line, and ends when its standard input does, which is how it
notices that the courier is gone, however that happened.
"""

import random
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stopping import stop_on_signals, stopped

LARGEST_PARCEL = 8_000_000
CHUNK = 32_768


class Depot(BaseHTTPRequestHandler):
    # With 1.1 a connection serves one request after the other.
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        """`/parcels/N` is a parcel of N bytes."""
        kind, _, size_text = self.path.strip("/").partition("/")
        size = int(size_text) if size_text.isdecimal() else -1
        if kind != "parcels" or not 0 <= size <= LARGEST_PARCEL:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        while size > 0 and not stopped.is_set():
            piece = min(size, CHUNK)
            self.wfile.write(random.randbytes(piece))
            size -= piece
            # About 4 MB/s at the most: a parcel is a hill in the chart, not a needle.
            time.sleep(CHUNK / 4_000_000)

    def do_POST(self) -> None:
        """Takes a parcel in and says how large it was."""
        size = int(self.headers.get("Content-Length", "0"))
        if size > LARGEST_PARCEL:
            self.send_error(413)
            return
        received = 0
        while received < size:
            piece = self.rfile.read(min(size - received, CHUNK))
            if not piece:
                break
            received += len(piece)
        answer = f"{received}\n".encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """One line a request would be too much to read."""


class LoopbackServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A courier that hangs up in the middle of a parcel is no reason for a stack trace."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            super().handle_error(request, client_address)


class IPv6LoopbackServer(LoopbackServer):
    address_family = socket.AF_INET6


def open_server() -> ThreadingHTTPServer:
    """IPv6 where the machine has it, so that the demo shows both families."""
    try:
        return IPv6LoopbackServer(("::1", 0), Depot)
    except OSError:
        return LoopbackServer(("127.0.0.1", 0), Depot)


def main() -> None:
    stop_on_signals()
    server = open_server()
    host, port = server.server_address[:2]
    print(f"{host} {port}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    stopped.wait()
    server.shutdown()
    server.server_close()


def stop_at_end_of_input() -> None:
    sys.stdin.read()
    stopped.set()


if __name__ == "__main__":
    main()
