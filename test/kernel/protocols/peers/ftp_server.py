# An FTP server that knows one user: python3 ftp_server.py ADDRESS PORT PASSWORD FOLDER
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

address, port, password, folder = sys.argv[1:]
authorizer = DummyAuthorizer()
authorizer.add_user("shop", password, folder)
FTPHandler.authorizer = authorizer
FTPServer((address, int(port)), FTPHandler).serve_forever()
