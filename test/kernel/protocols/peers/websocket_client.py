# Says one thing and hears one: python3 websocket_client.py URL MESSAGE
import asyncio
import sys

import websockets


async def talk():
    async with websockets.connect(sys.argv[1]) as socket:
        await socket.send(sys.argv[2])
        await socket.recv()


asyncio.run(talk())
