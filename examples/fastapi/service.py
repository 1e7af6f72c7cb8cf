"""A service for one bloc: predictions, probes, metrics, and the schema of a request.

The engine is loaded when the module is imported, so servers that preload load it before they fork.
STATE_DIR is the folder in which workers count together that were not forked from one another.
"""

from __future__ import annotations

import json
import os
from typing import Any

import monobloc
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

SMALL_BODY = 16 * 1024
"""Bytes of a body below which handing it to a thread would take longer than answering it."""

METRICS = {
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "prometheus": "text/plain; version=0.0.4; charset=utf-8",
}

engine = monobloc.load(os.environ["BLOC"], state_dir=os.environ.get("STATE_DIR"))
schema: dict[str, Any] = json.loads(engine.json_schema())
app = FastAPI(title=engine.name, version=engine.version)


@app.post(
    "/predict",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}
    },
)
async def predict(request: Request) -> Response:
    body = await request.body()
    if len(body) < SMALL_BODY:
        answer = engine.run_json(body)
    else:
        answer = await run_in_threadpool(engine.run_json, body)
    return Response(answer, media_type="application/json")


@app.exception_handler(monobloc.MonoblocError)
async def refuse(request: Request, error: monobloc.MonoblocError) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, error.http_status)


@app.get("/health/live")
async def live() -> dict[str, Any]:
    return {"status": "ok", "worker": os.getpid()}


@app.get("/health/ready")
async def ready() -> JSONResponse:
    """Unready when the bloc's file is no longer as it was loaded; never because of the rows."""
    health = engine.health()
    if health.file_changed:
        return JSONResponse({"detail": health.findings}, 503)
    return JSONResponse({"status": health.status, "findings": health.findings})


@app.get("/metrics")
def metrics(request: Request) -> Response:
    """What all workers of the pod have counted, whichever of them answers."""
    takes_openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
    form = "openmetrics" if takes_openmetrics else "prometheus"
    return Response(engine.metrics(form), headers={"content-type": METRICS[form]})


@app.get("/schema")
async def request_schema() -> dict[str, Any]:
    return schema
