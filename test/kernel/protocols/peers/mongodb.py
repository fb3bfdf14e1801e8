# MongoDB's own driver, and MongoDB's own stand-in for a server: python3 mongodb.py PASSWORD
import sys

from mockupdb import MockupDB
from pymongo import MongoClient
from pymongo.errors import PyMongoError

server = MockupDB(auto_ismaster={"maxWireVersion": 6})
server.autoresponds("saslStart", ok=0, errmsg="no", code=18)
server.run()
client = MongoClient(
    server.uri,
    username="shop",
    password=sys.argv[1],
    authMechanism="PLAIN",
    serverSelectionTimeoutMS=5000,
)
try:
    client.shop.command("find", "orders", filter={"card": sys.argv[1]})
except PyMongoError as error:
    print(type(error).__name__)
client.close()
server.stop()
