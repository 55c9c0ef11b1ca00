"""A store for the tests of a module, and a bucket for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from .server import Proxy, moto, proxy
from .trees import Bucket

_NUMBERS = count(1)


@pytest.fixture(scope="package")
def store() -> Iterator[int]:
    pytest.importorskip("moto.server")
    with moto() as port:
        yield port


@pytest.fixture
def network(store: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The way to the store, where faults can be laid; credentials come from the environment."""
    monkeypatch.setattr("dicombake.pipeline.places.objects.PAUSES", (0.02, 0.05, 0.1, 0.2, 0.3))
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDOFTHETEST", "AWS_SECRET_ACCESS_KEY": "verysecretindeed",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with proxy(store) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        yield found


@pytest.fixture
def client(network: Proxy) -> Iterator[Any]:
    """Another program's way to the store: boto3, around the proxy."""
    boto3 = pytest.importorskip("boto3")
    made = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{network.behind}")
    yield made
    made.close()


@pytest.fixture
def bucket(client: Any, tmp_path: Path) -> Bucket:
    name = f"bucket-{next(_NUMBERS)}"
    client.create_bucket(Bucket=name)
    return Bucket(client, name)
