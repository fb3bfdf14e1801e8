# One call: python3 grpc_client.py HOST:PORT SECRET
import sys

import grpc

with grpc.insecure_channel(sys.argv[1]) as channel:
    call = channel.unary_unary("/shop.Orders/Place")
    call(sys.argv[2].encode(), metadata=[("authorization", f"Bearer {sys.argv[2]}")], timeout=10)
