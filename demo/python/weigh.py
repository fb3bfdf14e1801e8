"""Weighs one parcel and ends: a process that lives for a moment only, with a connection of its own.

Usage: weigh.py HOST PORT BYTES
"""

import http.client
import sys


def main() -> None:
    host, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request("GET", f"/parcels/{size}")
    weight = len(connection.getresponse().read())
    connection.close()
    print(f"courier: a parcel weighs {weight / 1000:.0f} kB")


if __name__ == "__main__":
    main()
