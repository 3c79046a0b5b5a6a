"""Object storage on this machine: a server that is spoken to as Amazon S3 is."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer


class Bucket:
    """A new bucket of the server, found by what stands in `environment`."""

    def __init__(self, url: str):
        self.name = f"lab-{uuid.uuid4().hex[:8]}"
        self.environment = {
            "AWS_ENDPOINT_URL_S3": url,
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "something",
            "AWS_MAX_ATTEMPTS": "1",
            "NO_PROXY": "127.0.0.1",
        }
        session = boto3.Session("someone", "something")
        self.bucket = session.resource("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket=self.name)

    def put(self, **files: bytes) -> None:
        for key, content in files.items():
            self.bucket.put_object(Key=key, Body=content)

    def holds(self) -> set[str]:
        return {item.key for item in self.bucket.objects.all()}


@contextmanager
def serving() -> Iterator[str]:
    """Run the server and give its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
