"""An S3 bucket, by s3fs: it finds credentials, region and endpoint; the calls are S3's own.

S3's calls are used, not s3fs's files: these retry by themselves, keep listings, and drop a condition that
they do not know.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from .client import ChangedError, Found, Page, TakenError, TransientError

LARGEST = 5 * 2**30
"""Bytes of the largest object that S3 takes in one call."""
_PIECE = 2**20
_AGAIN = (408, 429, 500, 502, 503, 504)
_AGAIN_CODES = (
    "RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException",
    "RequestLimitExceeded", "TooManyRequests", "ConditionalRequestConflict", "OperationAborted", "BadDigest",
    "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody",
)  # fmt: skip


def bucket_client(bucket: str) -> S3Client:
    """Return what asks a bucket: one for a process, since making it costs more than many calls."""
    told = (item for item in os.environ.items() if item[0].startswith(("AWS_", "FSSPEC_S3")))
    return _client(bucket, frozenset(told))


@lru_cache(8)
def _client(bucket: str, environment: frozenset[tuple[str, str]]) -> S3Client:
    return S3Client(bucket)


class S3Client:
    """One bucket."""

    conditions = ""

    def __init__(self, bucket: str) -> None:
        from s3fs import S3FileSystem

        self._bucket = bucket
        self._system: Any = S3FileSystem(
            skip_instance_cache=True,
            use_listings_cache=False,
            config_kwargs={
                "retries": {"total_max_attempts": 1},
                "connect_timeout": 10,
                "read_timeout": 60,
                "tcp_keepalive": True,
                "user_agent_extra": "dicombake",
            },
        )

    def page(self, prefix: str, after: str) -> tuple[Page, str]:
        more = {"ContinuationToken": after} if after else {}
        found = self._call("list_objects_v2", Prefix=prefix, Delimiter="/", **more)
        return self._page(found, prefix), found.get("NextContinuationToken", "")

    @staticmethod
    def _page(found: Any, prefix: str) -> Page:
        folders = [each["Prefix"] for each in found.get("CommonPrefixes", ())]
        objects = [
            (each["Key"], Found(each["Size"], int(each["LastModified"].timestamp()), each.get("ETag", "")))
            for each in found.get("Contents", ())
        ]
        return Page(folders, objects)

    def head(self, key: str) -> Found:
        return _found(self._call("head_object", Key=key))

    def read(self, key: str, found: Found, start: int, sink: Callable[[bytes], object]) -> str:
        asked: dict[str, str] = {"Key": key, "ChecksumMode": "ENABLED"}
        if found.tag:
            asked["IfMatch"] = found.tag
        if found.version:
            asked["VersionId"] = found.version
        if start:
            asked["Range"] = f"bytes={start}-"
        return str(self._wait(self._read(asked, sink)))

    async def _read(self, asked: dict[str, str], sink: Callable[[bytes], object]) -> str:
        client = await self._client()
        answer = await client.get_object(Bucket=self._bucket, **asked)
        async with answer["Body"] as body:
            while piece := await body.read(_PIECE):
                sink(piece)
        return _sha256_of(answer)

    def write(self, key: str, file: Path, sha256: bytes, over: Found | None) -> Found:
        size = file.stat().st_size
        if size > LARGEST:
            raise OSError(f"{size} bytes are more than an object that is written at once can hold")
        condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": over.tag}
        with file.open("rb") as body:
            made = self._call(
                "put_object",
                Key=key,
                Body=body,
                ContentLength=size,
                ChecksumSHA256=base64.b64encode(sha256).decode(),
                **condition,
            )
        return Found(size, 0, made.get("ETag", ""), _version(made))

    def remove(self, key: str, found: Found) -> None:
        which = {"VersionId": found.version} if found.version else {"IfMatch": found.tag}
        self._call("delete_object", Key=key, **which)

    def _call(self, name: str, **options: Any) -> Any:
        async def call() -> Any:
            return await getattr(await self._client(), name)(Bucket=self._bucket, **options)

        return self._wait(call(), writes=name == "put_object")

    async def _client(self) -> Any:
        await self._system.set_session()
        return await self._system.get_s3(self._bucket)

    def _wait(self, work: Awaitable[Any], *, writes: bool = False) -> Any:
        """Wait for a call. Raises: as the methods of `Client`."""
        from fsspec.asyn import sync

        try:
            return sync(self._system.loop, _awaited, work)
        except Exception as error:
            raise _meaning(error, writes=writes) from error


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


def _meaning(error: Exception, *, writes: bool) -> Exception:
    """Return the error of a call as the methods of `Client` raise it; a defect as it is."""
    from aiohttp import ClientError as HTTPError
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
    from botocore.exceptions import ConnectionError as BotoConnectionError

    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        code, text = str(told.get("Code", "")), str(told.get("Message", "")) or "no reason given"
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        what = f"{text} ({code})" if not code.isdigit() else f"HTTP {status}"
        if status == 412 or code == "PreconditionFailed":
            return (TakenError if writes else ChangedError)(what)
        if status in _AGAIN or code in _AGAIN_CODES or status == 409:
            return TransientError(what)
        if status == 404:
            return FileNotFoundError(2, what)
        return (PermissionError if status in (401, 403) else OSError)(what)
    if isinstance(error, NoCredentialsError):
        return PermissionError("the environment gives no credentials for it")
    if isinstance(error, HTTPClientError | BotoConnectionError | HTTPError | asyncio.TimeoutError):
        return TransientError(str(error).partition("\n")[0] or type(error).__name__)
    if isinstance(error, ConnectionError | TimeoutError):
        return TransientError(str(error) or type(error).__name__)
    if isinstance(error, BotoCoreError):
        return OSError(str(error))
    return error


def _found(answer: Any) -> Found:
    modified = answer.get("LastModified")
    return Found(
        answer["ContentLength"],
        int(modified.timestamp()) if modified else 0,
        answer.get("ETag", ""),
        _version(answer),
    )


def _version(answer: Any) -> str:
    version = answer.get("VersionId") or ""
    return "" if version == "null" else str(version)


def _sha256_of(answer: Any) -> str:
    """Return the store's own sha256 (hex) of a whole object; one of its parts has a ``-`` in it."""
    text = answer.get("ChecksumSHA256") or ""
    whole = text and "-" not in text and answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
    return base64.b64decode(text).hex() if whole else ""
