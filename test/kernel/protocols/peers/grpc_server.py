# A gRPC service without a description of its messages: python3 grpc_server.py ADDRESS:PORT
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

place = grpc.unary_unary_rpc_method_handler(lambda request, context: b"placed")
server = grpc.server(ThreadPoolExecutor(2))
server.add_generic_rpc_handlers(
    [grpc.method_handlers_generic_handler("shop.Orders", {"Place": place})]
)
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
