# SPDX-License-Identifier: Apache-2.0
"""The host service in front of the broker: slow, and it knows three symbols only."""
import asyncio
import random

import fastapi

app = fastapi.FastAPI()
SYMBOLS = {"EURUSD": 1.09, "AAPL": 230.0, "MSFT": 415.0}


@app.get("/data/historical")
async def historical(symbol: str, timeframe: str):
    if symbol not in SYMBOLS:
        raise fastapi.HTTPException(404, f"no such symbol: {symbol}")
    await asyncio.sleep(random.uniform(0.02, 0.12))  # the broker's pacing
    price = SYMBOLS[symbol]
    return {"symbol": symbol, "timeframe": timeframe,
            "bars": [round(price * (1 + i / 1000), 4) for i in range(200)]}
