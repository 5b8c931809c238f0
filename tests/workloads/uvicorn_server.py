# SPDX-License-Identifier: Apache-2.0
"""Serves asgi_app under uvicorn; prints "listening PORT PID" once it does."""
import argparse
import os

import uvicorn


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        name = self.servers[0].sockets[0].getsockname()
        print("listening", name[1] if isinstance(name, tuple) else 0, os.getpid(), flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--loop", default="uvloop")
    arguments.add_argument("--http", default="httptools")
    arguments.add_argument("--uds")
    options = arguments.parse_args()
    Server(uvicorn.Config("asgi_app:app", host="127.0.0.1", port=0, uds=options.uds,
                          loop=options.loop, http=options.http, log_level="warning",
                          access_log=False, timeout_keep_alive=60)).run()


if __name__ == "__main__":
    main()
