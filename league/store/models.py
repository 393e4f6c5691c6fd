"""Models in the record book: kept once, found by their contents."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import ModelError
from league.store import tables
from league.store.records import ModelFiles
from league.store.transactions import insert_new


async def keep_model(db: AsyncConnection, model: ModelFiles, *, now: datetime) -> str:
    """Stores a model unless the book has it; gives its digest.

    Raises:
        ModelError: If there is no network, or the metadata is not a JSON object.
    """
    if not model.onnx:
        raise ModelError("model: the ONNX file is empty")
    try:
        model.metadata.encode()
        metadata = json.loads(model.metadata)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"model metadata: not JSON ({error})") from None
    if not isinstance(metadata, dict):
        raise ModelError(f"model metadata: expected a JSON object, found a {type(metadata).__name__}")
    digest = model.sha256
    await db.execute(
        insert_new(db, tables.models).values(
            sha256=digest, onnx=model.onnx, metadata_json=model.metadata, created_at=now
        )
    )
    return digest
