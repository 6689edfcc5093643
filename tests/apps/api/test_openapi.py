"""The OpenAPI document and the page that shows it: examples that work, and no download from anywhere."""

from __future__ import annotations

import re

from foresell.apps.api import problems
from foresell.apps.api.routes import ROLES
from foresell.serving.keys import Keys, new_key


def test_every_example_works_as_it_stands(client) -> None:
    document = client.get("/openapi.json").json()
    tried = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                for example in content.get("examples", {}).values():
                    sent = {"json": example["value"]} if "json" in media_type else {"content": example["value"]}
                    answer = client.request(method, path, headers={"Content-Type": media_type}, **sent)
                    assert answer.status_code == 200, (path, example, answer.text)
                    if media_type == "text/csv":
                        assert all(line.endswith(",") for line in answer.text.splitlines()[1:]), answer.text
                    tried.add(path)
            if any("example" in each for each in operation.get("parameters", [])):
                parameters = {}
                for each in operation["parameters"]:
                    value = each["example"]
                    parameters |= value if isinstance(value, dict) else {each["name"]: value}
                answer = client.request(method, path, params=parameters)
                assert answer.status_code == 200, (path, answer.text)
                assert answer.json()["count"] == 1
                tried.add(path)
            if method == "get" and path != "/explain":
                assert client.get(path).status_code == 200
                tried.add(path)
    assert document["paths"].keys() - tried == {"/reload"}
    assert client.post("/reload").status_code == 200


def test_all_is_said_of_every_operation(client) -> None:
    document = client.get("/openapi.json").json()
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert len(operation["description"]) > 30
            assert operation["tags"]
            for status, answer in operation["responses"].items():
                if status != "200":
                    assert answer["description"] == problems.MEANING[int(status)]
                    assert list(answer["content"]) == ["application/problem+json"]
    assert "ValidationError" not in str(document)
    assert "securitySchemes" not in document["components"]


def test_what_needs_which_key_is_said(serve) -> None:
    text, key = new_key("read")
    with serve(keys=Keys((key,)), wait=False) as client:
        document = client.get("/openapi.json", headers={"X-API-Key": text}).json()
    assert document["components"]["securitySchemes"].keys() == {"bearer", "key"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert ("security" in operation) == (path in ROLES)
            assert ("401" in operation["responses"]) == (path in ROLES)
            if path in ROLES:
                assert f"role `{ROLES[path]}`" in operation["description"]


def test_the_page_loads_nothing_from_elsewhere(client) -> None:
    page = client.get("/docs").text
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)
    for path in re.findall(r'(?:src|href)="([^"]+)"', page):
        answer = client.get(f"/{path}")
        assert answer.status_code == 200, path
        assert len(answer.content) > 1000
    assert "SwaggerUIBundle" in client.get("/docs/assets/swagger-ui-bundle.js").text
