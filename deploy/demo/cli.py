# SPDX-License-Identifier: Apache-2.0
"""The command line a researcher uses: trains on three symbols, asks for one that does not exist
and for a backtest, whose worker is down. usage: cli.py API_URL ROUNDS"""
import sys
import time

import httpx


def train(client, symbol):
    operation = client.post("/api/v1/trainings/start",
                            json={"symbol": symbol, "timeframe": "1h"}).json()["operation_id"]
    while client.get(f"/api/v1/operations/{operation}").json()["status"] != "completed":
        time.sleep(0.25)
    print(f"trained {symbol}: {operation}")


def main():
    with httpx.Client(base_url=sys.argv[1], timeout=20) as client:
        for _ in range(int(sys.argv[2])):
            client.get("/api/v1/health")
            for symbol in ("EURUSD", "AAPL", "MSFT"):
                train(client, symbol)
            print("data for GOLD:", client.get("/api/v1/data/GOLD/1d").status_code)
            backtest = client.post("/api/v1/backtests/start", json={"strategy": "neuro_mean"})
            print("backtest:", backtest.status_code)


if __name__ == "__main__":
    main()
