"""/v1/agent/dns: what our own DNS answers, as JSON, and what bounds the asking."""

import concurrent.futures
import signal

import pytest

import svc


def ask(server, name, type="A"):
    return server.get(f"/v1/agent/dns?name={name}&type={type}")


def test_answers(server):
    server.register("web", "web1", "10.0.0.1", 80)
    answer = ask(server, "web.service.local", "SRV")
    assert (answer["Name"], answer["Type"], answer["Status"]) == ("web.service.local.", "SRV", "NOERROR")
    assert answer["Authoritative"] is True
    record = {"Name": "web.service.local.", "Type": "SRV", "TTL": 5, "Data": "1 1 80 web1.web.service.local."}
    assert answer["Answer"] == [record]
    glue = {"Name": "web1.web.service.local.", "Type": "A", "TTL": 5, "Data": "10.0.0.1"}
    assert answer["Additional"] == [glue]
    assert ask(server, "nothing.service.local")["Status"] == "NXDOMAIN"
    assert ask(server, "example.org")["Status"] == "REFUSED"
    server.register("late", "l1", port=1, Check={"TTL": "600s"})
    assert ask(server, "late.service.local")["Why"] == ["late: waiting for the first check"]


def test_shows_each_change_at_once(server):
    """An answer that was kept is not shown again once the view has moved."""
    for n in range(20):
        server.register("web", "web1", f"10.0.0.{n}", 80)
        for _ in range(3):
            assert [record["Data"] for record in ask(server, "web.service.local")["Answer"]] == [f"10.0.0.{n}"]


def test_repeated_questions_do_not_reach_dns(server):
    server.register("web", "web1", "10.0.0.1", 80)
    before = server.metric("svcdns_dns_tcp_connections_total")
    for _ in range(20):
        ask(server, "web.service.local")
    assert server.metric("svcdns_dns_tcp_connections_total") - before < 20


def test_large_answers_come_whole(server):
    server.register_many([{"Name": "web", "ID": f"w{n}", "Address": f"10.1.{n // 250}.{n % 250}", "Port": 1} for n in range(1000)])
    answer = ask(server, "web.service.local")
    assert len(answer["Answer"]) == 1000 and answer["Size"] > 16000


@pytest.mark.parametrize("query, said", [
    ("", "Missing name"), ("name=a..b", "not a domain name"), ("name=" + "a" * 64, "not a domain name"),
    ("name=web&type=NOPE", "not a record type"), ("name=web&type=AXFR", "not a record type"),
    ("name=web&type=OPT", "not a record type"),
])  # fmt: skip
def test_bad_questions(shared_server, query, said):
    answer = shared_server.http("GET", "/v1/agent/dns?" + query)
    assert answer.status == 400 and said in answer.text


def test_dns_that_says_nothing(start_server):
    """It is stopped, so connections are accepted by the kernel and never answered."""
    server = start_server(**{"http.dns_timeout": "300ms", "http.dns_queries": "4"}, **svc.MAY_STAND_STILL)
    server.signal("dns", signal.SIGSTOP)
    replies = []

    def seen():
        """What has come, after twelve more at once; a busy machine may not have them under way at once."""
        path = "/v1/agent/dns?name=n{}.service.local"
        replies.extend(pool.map(lambda n: server.http("GET", path.format(n), fresh=True), range(12)))
        return {reply.status for reply in replies}

    try:
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            svc.wait_until(lambda: seen() >= {429, 504}, "some are too many, the others are not answered")
    finally:
        server.signal("dns", signal.SIGCONT)
    assert {reply.status for reply in replies} == {429, 504}
    assert all("Too many DNS queries" in r.text for r in replies if r.status == 429)
    svc.wait_until(lambda: ask(server, "service.local", "SOA")["Status"] == "NOERROR", "it answers again")


def test_client_that_leaves(start_server):
    server = start_server(**{"http.dns_queries": "1", "http.dns_timeout": "60s"}, **svc.MAY_STAND_STILL)
    server.signal("dns", signal.SIGSTOP)
    try:
        connection = server.connect_http()
        connection.request("GET", "/v1/agent/dns?name=a.service.local")
        busy = lambda: server.http("GET", "/v1/agent/dns?name=b.service.local&type=NOPE").status == 400
        svc.wait_until(busy, "the server goes on")
        svc.wait_until(lambda: server.metric("svcdns_api_connections") >= 2, "the question is under way")
        connection.close()
        svc.wait_until(lambda: server.metric("svcdns_api_connections") == 1, "its place is free")
    finally:
        server.signal("dns", signal.SIGCONT)
    assert ask(server, "service.local", "SOA")["Status"] == "NOERROR"
