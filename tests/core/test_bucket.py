import pytest

from foresell.core.bucket import VARIABLES, s3_options


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in (*VARIABLES, "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_is_said_where_nothing_is_set():
    assert s3_options() == {"max_retries": 3}


def test_credentials_and_the_more_particular_endpoint(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://one.example")
    assert s3_options()["aws_endpoint_url"] == "https://one.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://two.example")
    assert s3_options() == {
        "aws_secret_access_key": "s",
        "aws_endpoint_url": "http://two.example",
        "aws_allow_http": "true",
        "max_retries": 3,
    }
