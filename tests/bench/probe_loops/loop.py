# SPDX-License-Identifier: Apache-2.0
"""Loops that do little but pass one probe: reads "NAME:COUNT", prints ns of CPU for each time."""
import asyncio
import contextvars
import queue
import socket
import sys
import time

import uvloop  # with it, entering a context is watched


def nothing():
    pass


async def main():
    loop = asyncio.get_running_loop()
    ours, _theirs = socket.socketpair()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    context, items = contextvars.copy_context(), queue.SimpleQueue()

    def give_and_take():
        items.put(None)
        items.get()

    async def enter(count):
        """The loop enters a callback's context."""
        done = loop.create_future()
        for _ in range(count):
            loop.call_soon(nothing, context=context)
        loop.call_soon(done.set_result, None, context=context)
        await done

    async def repeat(once, count):
        for _ in range(count):
            once()
    loops = {"created": contextvars.copy_context, "written": lambda: transport.write(b""),
             "given and taken": give_and_take}
    print("ready", flush=True)
    for line in sys.stdin:
        name, count = line.split(":")[0], int(line.split(":")[1])
        began = time.thread_time_ns()
        await (enter(count) if name == "entered" else repeat(loops[name], count))
        print((time.thread_time_ns() - began) / count, flush=True)


uvloop.run(main())
