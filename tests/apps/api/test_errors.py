"""Every error is a problem-details body that says what is wrong, and none is more than that."""

from __future__ import annotations

import json
import logging

import pytest

from foresell.apps.api.limits import RateLimit
from foresell.apps.api.middleware import OPEN
from foresell.apps.api.routes import ROLES
from foresell.core.errors import StoreError
from foresell.serving.keys import Keys, Role, new_key
from foresell.serving.source import FolderSource

JSON = {"Content-Type": "application/json"}


def problem(answer, status: int) -> dict:
    """The body, once it has been seen to be a problem of that status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert told["type"] == "about:blank"
    assert {"title", "detail", "instance", "id"} <= told.keys()
    assert told["id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in answer.text
    return told


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"{", 400, "not valid JSON"),
        (b"\xff", 400, "parsing the body"),
        (b"[" * 10_000, 422, "more than 1,000 values"),
        (b"[" * 999, 400, "body"),
        (b'{"a":' * 999, 400, "body"),
        (b'{"date": "2026-02-03", "item": "' + rb"\"[{," * 2000 + b'"}', 422, "at most 1000 characters"),
        (b"", 422, "The body is missing"),
        (b"[]", 422, "dictionary"),
        (b'{"date": "2026-02-30"}', 422, "'date' is \"2026-02-30\"; expected a valid date"),
        (b'{"date": "2026-02-03", "price": -1}', 422, "greater than or equal to 0"),
        (b'{"date": "2026-02-03", "price": NaN}', 422, "finite"),
        (b'{"date": "2026-02-03", "item": {"a": 1}}', 422, "expected a text, a number"),
        (b'{"date": "2026-02-03", "item": 1e999}', 422, "expected a text, a number"),
        (b'{"date": "2026-02-03", "item": "\\ud800"}', 422, "UTF-8"),
        (b'{"date": "2026-02-03", "item": 1' + b"0" * 30 + b"}", 422, "expected a text, a number"),
        (b'{"transaction": {"price": []}}', 422, "transaction.price"),
        (b'{"transaction": {}}', 422, "transaction"),
        (b'{"transaction": {"price": null}}', 422, "no column with a value"),
        (b'{"transaction": {"price": 1}, "more": 2}', 422, "more"),
    ],
)
def test_bodies_that_do_not_fit(client, content, status, says) -> None:
    assert says in problem(client.post("/predict", content=content, headers=JSON), status)["detail"]


def test_what_does_not_fit_is_listed_one_by_one(client) -> None:
    told = problem(client.post("/forecast", json={"horizon": 0, "quantiles": [2], "level": "store", "x": 1}), 422)
    assert {each["where"] for each in told["errors"]} == {"body.horizon", "body.quantiles.0", "body.level", "body.x"}
    assert "'horizon' is 0; expected greater than or equal to 1, such as 1." in told["detail"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"date": "1999-01-01"}, "1999-01-01"),
        ({"item": None}, "item"),
        ({"weather": "rain"}, "weather"),
        ({"promotion": -1}, "promotion"),
    ],
)
def test_a_row_that_cannot_be_answered_says_why(client, one, change, says) -> None:
    assert says in problem(client.post("/predict", json={**one, **change}), 422)["detail"]


def test_what_the_service_refuses(client, one) -> None:
    assert "nowhere" in problem(client.post("/forecast", json={"where": {"store": "nowhere"}}), 422)["detail"]
    assert "weather" in problem(client.post("/forecast", json={"changes": {"weather": 1}}), 422)["detail"]
    problem(client.post("/forecast", json={"level": ["colour"]}), 422)
    problem(client.post("/forecast", json={"horizon": 9999}), 422)
    problem(client.get("/explain", params={"store": "nowhere"}), 422)
    problem(client.get("/explain", params={"first": "1999-01-01"}), 422)
    assert "twice" in problem(client.get("/explain?store=a&store=b"), 422)["detail"]
    problem(client.post("/forecast_sarima", json={"first": "2026-02-03", "last": "2026-02-01"}), 422)
    problem(client.post("/forecast_sarima", json={"first": "2026-02-03", "last": "9999-12-31"}), 422)


def test_addresses_methods_and_media_types(client, one) -> None:
    assert "/docs" in problem(client.get("/nothing"), 404)["detail"]
    problem(client.get("/predict/"), 404)
    problem(client.get("/docs/assets/nothing.js"), 404)
    assert client.get("/predict").headers["Allow"] == "POST"
    problem(client.get("/predict"), 405)
    problem(client.delete("/status"), 405)
    problem(client.post("/predict", content=json.dumps(one)), 415)
    problem(client.post("/predict", content=b"a=1", headers={"Content-Type": "application/x-www-form-urlencoded"}), 415)
    problem(client.post("/predict_batch_csv", content=b"a,b", headers={"Content-Type": "text/plain"}), 415)


def test_a_body_that_is_too_large(serve) -> None:
    with serve(max_body_mb=0.01) as client:
        assert "0.01 MB" in problem(client.post("/predict", content=b"x" * 10_001, headers=JSON), 413)["detail"]
        parts = (b" " * 1000 for _ in range(11))
        problem(client.post("/predict", content=parts, headers=JSON), 413)
        assert problem(client.post("/predict", content=b" " * 9_999 + b"{", headers=JSON), 400)


@pytest.fixture
def stopped_clock(monkeypatch) -> None:
    """Time stands still for the limit of requests a second, so that a slow machine gives no client new ones."""
    monkeypatch.setattr(RateLimit.__init__, "__defaults__", (lambda: 0.0,))


@pytest.mark.usefixtures("stopped_clock")
def test_a_client_that_asks_too_often(serve) -> None:
    with serve(max_rate=5, wait=False) as client:
        answers = [client.get("/health") for _ in range(30)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 25
    assert "5 requests a second" in problem(refused[0], 429)["detail"]
    assert refused[0].headers["Retry-After"] == "1"


@pytest.mark.usefixtures("stopped_clock")
def test_the_rate_is_that_of_a_key_not_of_an_address(serve) -> None:
    (first, one), (second, two) = new_key("read"), new_key("read")
    with serve(keys=Keys((one, two)), max_rate=3, wait=False) as client:
        for key in (first, second):
            answers = [client.get("/status", headers={"X-API-Key": key}).status_code for _ in range(3)]
            assert answers == [200, 200, 200]
        assert client.get("/status", headers={"X-API-Key": first}).status_code == 429


def test_without_a_key(serve) -> None:
    _, key = new_key("read")
    with serve(keys=Keys((key,)), wait=False) as client:
        for path in ROLES:
            answer = client.get(path)
            assert "needs a key" in problem(answer, 401)["detail"]
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        problem(client.get("/status", headers={"Authorization": "Bearer wrong"}), 401)
        problem(client.get("/status", headers={"X-API-Key": key.digest}), 401)
        assert client.get("/health").status_code == 200
        assert client.get("/docs").status_code == 200


@pytest.mark.parametrize("role", list(Role))
def test_what_each_role_may(serve, one, role) -> None:
    text, key = new_key(str(role))
    asks = {
        "/predict": ("POST", {"json": one}),
        "/predict_batch_csv": ("POST", {"content": b"store,item,date\n", "headers": {"Content-Type": "text/csv"}}),
        "/plan": ("POST", {"json": {"changes": {"policy": "none"}}}),
        "/view": ("POST", {"json": {"view": "freshness"}}),
        "/forecast": ("POST", {"json": {}}),
        "/forecast_sarima": ("POST", {"json": {}}),
        "/explain": ("GET", {}),
        "/status": ("GET", {}),
        "/metrics": ("GET", {}),
        "/openapi.json": ("GET", {}),
        "/reload": ("POST", {}),
    }
    assert asks.keys() == ROLES.keys()
    with serve(keys=Keys((key,))) as client:
        client.headers["Authorization"] = f"Bearer {text}"
        for path, (method, content) in asks.items():
            answer = client.request(method, path, **content)
            if role >= ROLES[path]:
                assert answer.status_code in (200, 422), path
            else:
                assert f"role {ROLES[path]}" in problem(answer, 403)["detail"]


def test_every_address_has_a_role_or_is_meant_to_be_open(client) -> None:
    routes = {path for route in client.app.routes if (path := getattr(route, "path", None))}
    paths = routes | client.get("/openapi.json").json()["paths"].keys()
    assert paths - {"/docs/assets"} == ROLES.keys() | OPEN


def test_without_keys_only_names_of_this_machine_are_answered(client) -> None:
    for host in ("localhost:8000", "127.0.0.1", "[::1]:80"):
        assert client.get("/status", headers={"Host": host}).status_code == 200
    for host in ("shop.example", "127.0.0.1.shop.example", "", "[::"):
        assert "No keys are set" in problem(client.get("/status", headers={"Host": host}), 403)["detail"]


class Broken(FolderSource):
    """A source that does not answer any more once it has loaded, or never did."""

    error: Exception | None = None

    def newest(self):
        if self.error:
            raise self.error
        return super().newest()


def test_no_model(serve, tmp_path, one) -> None:
    with serve(FolderSource(tmp_path / "none"), wait=False) as client:
        answers = [
            client.get("/ready"),
            client.post("/predict", json=one),
            client.get("/explain"),
            client.post("/reload"),
        ]
        for answer in answers:
            told = problem(answer, 503)
            assert "foresell promote" in told["detail"] or "being loaded" in told["detail"]
        assert client.get("/health").status_code == 200
        assert "foresell promote" in client.get("/status").json()["trouble"]


def test_a_damaged_model_is_refused_and_the_reason_said(serve, tmp_path) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    with serve(FolderSource(folder), wait=False) as client:
        assert "does not describe a model" in problem(client.post("/reload"), 503)["detail"]
        assert "does not describe a model" in problem(client.get("/ready"), 503)["detail"]


def test_a_registry_that_is_down_leaves_the_model_that_is_loaded(serve, bundle, one) -> None:
    source = Broken(bundle)
    with serve(source) as client:
        source.error = StoreError("the registry does not answer")
        assert "does not answer" in problem(client.post("/reload"), 503)["detail"]
        assert client.post("/predict", json=one).status_code == 200
        assert client.get("/ready").status_code == 200
        assert "does not answer" in client.get("/status").json()["trouble"]


def test_a_fault_has_an_id_that_the_servers_log_has_too(serve, bundle, one, caplog, monkeypatch) -> None:
    monkeypatch.setattr(logging.getLogger("foresell"), "propagate", True)  # a server in this process may have ended it
    source = Broken(bundle)
    with serve(source) as client:
        source.error = ZeroDivisionError("the secret of the house")
        with caplog.at_level(logging.ERROR, "foresell.api"):
            answer = client.post("/reload", headers={"X-Request-ID": "try-7"})
    told = problem(answer, 500)
    assert told["id"] == "try-7"
    assert "secret" not in answer.text
    assert "try-7" in caplog.text
    assert "the secret of the house" in caplog.text


def test_an_id_that_is_no_plain_one_is_replaced(client) -> None:
    assert client.get("/health", headers={"X-Request-ID": "a b\t"}).headers["X-Request-ID"] != "a b"
    assert client.get("/health", headers={"X-Request-ID": "x" * 200}).headers["X-Request-ID"] != "x" * 200


def test_other_pages_may_ask_only_where_they_are_named(serve) -> None:
    ask = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    with serve(wait=False) as client:
        assert "access-control-allow-origin" not in client.get("/health", headers=ask).headers
        assert client.options("/predict", headers=ask).status_code == 405
    with serve(origins=("https://shop.example",), wait=False) as client:
        assert client.options("/predict", headers=ask).headers["access-control-allow-origin"] == ask["Origin"]
        other = client.get("/health", headers={"Origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/forecast", {"level": ["store", "store"]}, "There is no level 'store x store'"),
        ("/forecast", {"quantiles": [0.3, 0.3000000001]}, "at least a millionth apart"),
        ("/forecast", {"quantiles": [1e-300]}, "greater than or equal to 0.0001"),
        ("/forecast_sarima", {"quantiles": [0.3, 0.3000000001]}, ""),
        ("/forecast_sarima", {"quantiles": [1 - 1e-12]}, "less than or equal to 0.9999"),
    ],
)
def test_levels_and_quantiles_that_cannot_be(client, path, body, says) -> None:
    days = {"first": "2026-01-03", "last": "2026-01-03"} if path == "/forecast_sarima" else {}
    assert says in problem(client.post(path, json={**days, **body}), 422)["detail"]


def test_a_boundary_that_no_form_has(client) -> None:
    kind = {"Content-Type": f"multipart/form-data; boundary={'x' * 300}"}
    assert "boundary" in problem(client.post("/predict_batch_csv", content=b"", headers=kind), 400)["detail"].lower()


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Via"])
def test_without_keys_nothing_that_came_by_a_proxy_is_answered(client, header) -> None:
    assert "came by a proxy" in problem(client.get("/status", headers={header: "127.0.0.1"}), 403)["detail"]


def test_without_keys_a_reload_needs_a_header_that_no_other_page_can_send(client) -> None:
    del client.headers["X-Requested-With"]
    assert "X-Requested-With" in problem(client.post("/reload"), 403)["detail"]
    assert client.post("/reload", headers={"X-Requested-With": "curl"}).status_code == 200


def test_pages_of_other_sites_change_nothing(serve, one) -> None:
    with serve(origins=("https://shop.example",)) as client:
        for origin in ("https://evil.example", "null", "http://127.0.0.1:81", "http://127.0.0.1.evil.example", ""):
            for path in ("/reload", "/predict"):
                answer = client.post(path, json=one, headers={"Origin": origin})
                assert "may not send requests" in problem(answer, 403)["detail"]
        for origin in ("https://shop.example", "http://127.0.0.1"):
            assert client.post("/predict", json=one, headers={"Origin": origin}).status_code == 200
        assert client.get("/status", headers={"Origin": "https://evil.example"}).status_code == 200


def test_a_server_that_ends_refuses_in_words(client, one) -> None:
    client.app.state.closing.set()
    answer = client.post("/predict", json=one)
    assert "is ending" in problem(answer, 503)["detail"]
    assert (answer.headers["Retry-After"], answer.headers["Connection"]) == ("1", "close")
    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200
