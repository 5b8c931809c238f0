# SPDX-License-Identifier: Apache-2.0
"""A websocket server and client that exchange 50 messages. usage: websocket_peer.py server|client PORT"""
import asyncio
import os
import sys

import websockets.asyncio.client
import websockets.asyncio.server


async def answer(connection):
    async for message in connection:
        await connection.send(message * 2)


async def serve():
    async with websockets.asyncio.server.serve(answer, "127.0.0.1", 0) as server:
        print("listening", server.sockets[0].getsockname()[1], os.getpid(), flush=True)
        await asyncio.get_running_loop().create_future()


async def ask(port):
    url = f"ws://127.0.0.1:{port}/live"
    async with websockets.asyncio.client.connect(url, proxy=None) as connection:
        for i in range(50):
            await connection.send("GET /not-http HTTP/1.1\r\n\r\n" * (i + 1))
            assert await connection.recv() == "GET /not-http HTTP/1.1\r\n\r\n" * (i + 1) * 2


asyncio.run(serve() if sys.argv[1] == "server" else ask(sys.argv[2]))
