"""The peer of the API's benchmark: a bare FastAPI app that calls `Booster.predict` on ready-made features.

    python benchmarks/bare_api.py BOOSTER.txt PORT

It looks nothing up, makes no features, gives no ranges, fills in nothing, keeps no log and checks no key.
"""

from __future__ import annotations

import io
import sys

import lightgbm
import numpy as np
import polars as pl
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

booster = lightgbm.Booster(model_file=sys.argv[1])
app = FastAPI()


class Row(BaseModel):
    features: list[float]


@app.post("/predict")
async def predict(row: Row) -> dict[str, float]:
    return {"units": float(booster.predict(np.array([row.features], np.float32), num_threads=1)[0])}


@app.post("/predict_batch_csv")
async def predict_batch_csv(request: Request) -> Response:
    rows = pl.read_csv(io.BytesIO(await request.body()))
    found = booster.predict(rows.to_numpy().astype(np.float32))
    return Response(rows.with_columns(units=found).write_csv(), media_type="text/csv")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="warning")
