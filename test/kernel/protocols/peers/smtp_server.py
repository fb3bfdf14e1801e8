# A mail server that takes every mail and every password: python3 smtp_server.py ADDRESS PORT CERTIFICATE KEY
import asyncio
import ssl
import sys

from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult

address, port, certificate, key = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)


def answer():
    return SMTP(
        Sink(),
        tls_context=context,
        auth_require_tls=False,
        authenticator=lambda *ignored: AuthResult(success=True),
    )


async def serve():
    server = await asyncio.get_running_loop().create_server(answer, address, int(port))
    await server.serve_forever()


asyncio.run(serve())
