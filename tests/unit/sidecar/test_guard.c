/* test_guard.c -- who is let in: the requests of real clients, those of web pages, and the token. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/head.h"
#include "sidecar/guard.h"
#include "sidecar/sidecar.h"

static const char *const listed[] = {"registry.example", "with-port.example:8500"};
static const struct guard_config plain = {.hosts = listed, .host_count = 2};
static const struct guard_config with_token = {.token = "secret"};

/* The guard's verdict on raw bytes; what follows the head is not looked at. */
static int judge(const char *bytes, const struct guard_config *config, char message[GUARD_MESSAGE])
{
	struct arena *arena = arena_create();
	struct http_request request = {0};
	struct http_scan scan = {0};
	struct http_head head;
	const char *text = NULL;
	size_t size = 0;
	int status;

	assert_int_equal(http_head_scan(&scan, bytes, strlen(bytes), 8192, &size, &text), 1);
	assert_int_equal(http_head_parse(arena, bytes, size, &head, &text), 0);
	request.method = head.method;
	request.path = head.path;
	request.query = head.query;
	request.query_count = head.query_count;
	request.headers = head.headers;
	request.header_count = head.header_count;
	status = guard_check(&request, config, message);
	arena_destroy(arena);
	return status;
}

/* What real clients send, byte for byte: captured from the programs named, on a loopback port that was then
 * written as 8500. None of them may be hurt. */
static const struct {
	const char *client, *bytes;
} clients[] = {
	{"curl 7.88.1, GET",
		"GET /v1/agent/services HTTP/1.1\r\nHost: 127.0.0.1:8500\r\nUser-Agent: curl/7.88.1\r\n"
		"Accept: */*\r\n\r\n"},
	{"curl 7.88.1, -X PUT -d",
		"PUT /v1/agent/service/register HTTP/1.1\r\nHost: localhost:8500\r\nUser-Agent: "
		"curl/7.88.1\r\n"
		"Accept: */*\r\nContent-Length: 24\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
		"{\"Name\":\"web\",\"Port\":80}"},
	{"curl 7.88.1, --json",
		"PUT /v1/agent/service/register HTTP/1.1\r\nHost: localhost:8500\r\nUser-Agent: "
		"curl/7.88.1\r\n"
		"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: 14\r\n\r\n"
		"{\"Name\":\"web\"}"},
	{"curl 7.88.1, a large file", "PUT /v1/agent/service/register HTTP/1.1\r\nHost: "
				      "127.0.0.1:8500\r\nUser-Agent: curl/7.88.1\r\n"
				      "Accept: */*\r\nContent-Length: 3000000\r\nContent-Type: "
				      "application/x-www-form-urlencoded\r\n"
				      "Expect: 100-continue\r\n\r\n"},
	{"curl 7.88.1, -T -", "PUT /v1/agent/service/register HTTP/1.1\r\nHost: "
			      "127.0.0.1:8500\r\nUser-Agent: curl/7.88.1\r\n"
			      "Accept: */*\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"},
	{"wget 1.21.3",
		"GET /v1/agent/services HTTP/1.1\r\nHost: 127.0.0.1:8500\r\nUser-Agent: Wget/1.21.3\r\n"
		"Accept: */*\r\nAccept-Encoding: identity\r\nConnection: Keep-Alive\r\n\r\n"},
	{"requests 2.34.2, GET",
		"GET /v1/health/service/web?passing=1 HTTP/1.1\r\nHost: localhost:8500\r\n"
		"User-Agent: python-requests/2.34.2\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
		"Connection: keep-alive\r\n\r\n"},
	{"requests 2.34.2, PUT",
		"PUT /v1/agent/service/register HTTP/1.1\r\nHost: localhost:8500\r\n"
		"User-Agent: python-requests/2.34.2\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
		"Connection: keep-alive\r\nContent-Length: 15\r\nContent-Type: application/json\r\n\r\n"
		"{\"Name\": \"web\"}"},
	{"urllib of Python 3.11",
		"GET /v1/catalog/services HTTP/1.1\r\nAccept-Encoding: identity\r\n"
		"Host: 127.0.0.1:8500\r\nUser-Agent: Python-urllib/3.11\r\nConnection: close\r\n\r\n"},
	{"python-consul 1.1.0, agent.service.register",
		"PUT /v1/agent/service/register?token=secret HTTP/1.1\r\nHost: 127.0.0.1:8500\r\n"
		"User-Agent: python-requests/2.34.2\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
		"Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"},
	{"python-consul 1.1.0, health.service",
		"GET /v1/health/service/web?index=3&wait=10s&passing=1&token=secret HTTP/1.1\r\n"
		"Host: 127.0.0.1:8500\r\nUser-Agent: python-requests/2.34.2\r\nAccept-Encoding: gzip, "
		"deflate\r\n"
		"Accept: */*\r\nConnection: keep-alive\r\n\r\n"},
	{"python-consul 1.1.0, agent.service.deregister",
		"PUT /v1/agent/service/deregister/web1 HTTP/1.1\r\nHost: 127.0.0.1:8500\r\n"
		"User-Agent: python-requests/2.34.2\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
		"Connection: keep-alive\r\nContent-Length: 0\r\n\r\n"},
	{"net/http of Go 1.26, as hashicorp/consul/api uses it",
		"GET /v1/health/service/web?index=7&passing=1&stale=&wait=60000ms HTTP/1.1\r\nHost: "
		"127.0.0.1:8500\r\n"
		"User-Agent: Go-http-client/1.1\r\nX-Consul-Token: secret\r\nAccept-Encoding: gzip\r\n\r\n"},
	{"net/http of Go 1.26, PUT",
		"PUT /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1:8500\r\nUser-Agent: "
		"Go-http-client/1.1\r\n"
		"Content-Length: 14\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n"
		"{\"Name\":\"web\"}"},
	{"net/http of Go 1.26, a body of unknown length",
		"PUT /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1:8500\r\nUser-Agent: "
		"Go-http-client/1.1\r\n"
		"Transfer-Encoding: chunked\r\nAccept-Encoding: "
		"gzip\r\n\r\ne\r\n{\"Name\":\"web\"}\r\n0\r\n\r\n"},
	/* As Prometheus 2.42 builds it: Go's client with its own User-Agent and the query of consul_sd. */
	{"Prometheus, consul_sd",
		"GET /v1/catalog/services?index=1&stale=&wait=120000ms HTTP/1.1\r\n"
		"Host: localhost:8500\r\nUser-Agent: Prometheus/2.42.0\r\nAccept-Encoding: gzip\r\n\r\n"},
	{"Prometheus, a scrape",
		"GET /metrics HTTP/1.1\r\nHost: 192.0.2.7:8500\r\nUser-Agent: Prometheus/2.42.0\r\n"
		"Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,"
		"*/*;q=0.1\r\nAccept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"},
	{"npm consul 2.0 (papi 1.1.2), PUT",
		"PUT /v1/agent/service/register HTTP/1.1\r\ncontent-type: application/json; charset=utf-8\r\n"
		"content-length: 46\r\nHost: 127.0.0.1:8500\r\nuser-agent: papi/1.1.2\r\nConnection: "
		"keep-alive\r\n\r\n"
		"{\"Name\":\"web\",\"Port\":80,\"Check\":{\"TTL\":\"10s\"}}"},
	{"npm consul 2.0 (papi 1.1.2), GET",
		"GET /v1/health/service/web?passing=true HTTP/1.1\r\nHost: 127.0.0.1:8500\r\n"
		"user-agent: papi/1.1.2\r\nConnection: keep-alive\r\n\r\n"},
	{"fetch() of Node (undici): it sends Sec-Fetch-Mode, as browsers do, but no Sec-Fetch-Site",
		"GET /v1/agent/self HTTP/1.1\r\nhost: localhost:8500\r\nconnection: keep-alive\r\naccept: "
		"*/*\r\n"
		"accept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, "
		"deflate\r\n\r\n"},
	/* Written by hand from here on. A browser that opens the page, and what the page itself then sends.
	 */
	{"a browser, typed address", "GET /ui/ HTTP/1.1\r\nHost: localhost:8500\r\nSec-Fetch-Site: none\r\n"
				     "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n"},
	{"a browser, our own page", "PUT /v1/agent/service/deregister/a HTTP/1.1\r\nHost: localhost:8500\r\n"
				    "Origin: http://localhost:8500\r\nSec-Fetch-Site: same-origin\r\n"
				    "Content-Length: 0\r\n\r\n"},
	{"a browser, through a proxy with TLS", "PUT /v1/agent/checks HTTP/1.1\r\nHost: registry.example\r\n"
						"Origin: https://registry.example\r\n"
						"Sec-Fetch-Site: same-origin\r\n\r\n"},
	{"a probe in HTTP/1.0 without Host", "GET /healthz HTTP/1.0\r\n\r\n"},
	{"an address on another port", "GET / HTTP/1.1\r\nHost: 127.0.0.1:5353\r\n\r\n"},
	{"an IPv6 address", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8500\r\n\r\n"},
	{"an IPv6 address without port", "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n"},
	{"localhost in capitals", "GET / HTTP/1.1\r\nHost: LOCALHOST:80\r\n\r\n"},
	{"a listed name, any port", "GET / HTTP/1.1\r\nHost: Registry.Example:1234\r\n\r\n"},
	{"a listed name with its port", "GET / HTTP/1.1\r\nHost: with-port.example:8500\r\n\r\n"},
};

static void real_clients_pass(void **state)
{
	char message[GUARD_MESSAGE];

	(void)state;
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		int status = judge(clients[i].bytes, &plain, message);

		if (status)
			fail_msg("%s: %d %s", clients[i].client, status, message);
	}
}

/* conformance.md section 6.2: what reaches a server on loopback from a web page. */
static const char *const attacks[] = {
	/* DNS rebinding: a name of theirs that leads to us. */
	"Host: evil.example\r\n",
	"Host: evil.example:8500\r\n",
	"Host: 127.0.0.1.evil.example\r\n",
	"Host: localhost.evil.example\r\n",
	"Host: localhost.\r\n",
	"Host: notlocalhost\r\n",
	"Host: registry.example.evil.example\r\n",
	"Host: registry\r\n",
	"Host: with-port.example\r\n",
	"Host: with-port.example:1\r\n",
	/* Not address literals for inet_pton(3), though some resolvers take them. */
	"Host: 2130706433\r\n",
	"Host: 0x7f000001\r\n",
	"Host: 127.1\r\n",
	"Host: 0177.0.0.1\r\n",
	"Host: 127.0.0.1.\r\n",
	/* Cross-site requests. */
	"Host: localhost:8500\r\nOrigin: http://evil.example\r\n",
	"Host: localhost:8500\r\nOrigin: null\r\n",
	"Host: localhost:8500\r\nOrigin:\r\n",
	"Host: localhost:8500\r\nOrigin: localhost:8500\r\n",
	"Host: localhost:8500\r\nOrigin: http://localhost\r\n",
	"Host: localhost:8500\r\nOrigin: http://localhost:3000\r\n",
	"Host: localhost:8500\r\nOrigin: http://127.0.0.1:8500\r\n",
	"Host: localhost:8500\r\nOrigin: http://localhost:8500.evil.example\r\n",
	"Host: localhost:8500\r\nOrigin: http://localhost:8500/\r\n",
	"Host: localhost:8500\r\nOrigin: ftp://localhost:8500\r\n",
	"Host: localhost:8500\r\nOrigin: http://localhost:8500\r\nOrigin: http://evil.example\r\n",
	"Host: localhost:8500\r\nOrigin: moz-extension://3c2b\r\n",
	"Host: localhost:8500\r\nSec-Fetch-Site: cross-site\r\n",
	"Host: localhost:8500\r\nSec-Fetch-Site: same-site\r\n",
	"Host: localhost:8500\r\nSec-Fetch-Site: \r\n",
	"Host: localhost:8500\r\nSec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n",
	"Host: 127.0.0.1:8500\r\nOrigin: http://127.0.0.1:8500\r\nSec-Fetch-Site: cross-site\r\n",
};

static void web_pages_do_not(void **state)
{
	static const char *const methods[] = {"GET", "PUT", "POST", "OPTIONS"};
	char bytes[512], message[GUARD_MESSAGE];

	(void)state;
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++) {
			snprintf(bytes, sizeof(bytes), "%s /healthz HTTP/1.1\r\n%s\r\n", methods[m],
				attacks[i]);
			message[0] = '\0';
			if (judge(bytes, &plain, message) != 403)
				fail_msg("let in: %s", attacks[i]);
			assert_true(message[0] != '\0');
		}
	}
	assert_int_equal(
		judge("GET / HTTP/1.0\r\nOrigin: http://evil.example\r\n\r\n", &plain, message), 403);
}

/* A link may lead to the page; nothing else about it is open to other sites. */
static void links_lead_to_the_page(void **state)
{
	static const struct {
		const char *path, *headers;
		int status;
	} rows[] = {
		{"/ui/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document\r\n", 0},
		{"/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document\r\n", 0},
		{"/ui/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: iframe\r\n", 403},
		{"/ui/app.js", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: script\r\n", 403},
		{"/ui/", "Sec-Fetch-Site: cross-site\r\n", 403},
		{"/ui/data/services", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document\r\n", 403},
		{"/v1/agent/services", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document\r\n", 403},
		{"/v1/events", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document\r\n", 403},
		{"/ui/", "Origin: http://evil.example\r\nSec-Fetch-Dest: document\r\n", 403},
	};
	char message[GUARD_MESSAGE], bytes[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", rows[i].path,
			rows[i].headers);
		if (judge(bytes, &(struct guard_config){0}, message) != rows[i].status)
			fail_msg("not %d: %s", rows[i].status, bytes);
	}
}

static void token_is_asked_for(void **state)
{
	static const struct {
		const char *bytes;
		int status;
	} rows[] = {
		{"GET /v1/agent/self HTTP/1.0\r\n\r\n", 403},
		{"GET /v1/agent/self HTTP/1.0\r\nX-Consul-Token: secret\r\n\r\n", 0},
		{"GET /v1/agent/self HTTP/1.0\r\nx-consul-token: secret\r\n\r\n", 0},
		{"GET /v1/agent/self HTTP/1.0\r\nX-Consul-Token: Secret\r\n\r\n", 403},
		{"GET /v1/agent/self HTTP/1.0\r\nX-Consul-Token: secre\r\n\r\n", 403},
		{"GET /v1/agent/self HTTP/1.0\r\nX-Consul-Token: secrets\r\n\r\n", 403},
		{"GET /v1/agent/self HTTP/1.0\r\nX-Consul-Token: secretsecret\r\n\r\n", 403},
		{"GET /v1/agent/self HTTP/1.0\r\nX-Consul-Token:\r\n\r\n", 403},
		{"GET /v1/agent/self HTTP/1.0\r\nAuthorization: Bearer secret\r\n\r\n", 0},
		{"GET /v1/agent/self HTTP/1.0\r\nAuthorization: bearer   secret\r\n\r\n", 0},
		{"GET /v1/agent/self HTTP/1.0\r\nAuthorization: Basic secret\r\n\r\n", 403},
		{"GET /v1/agent/self HTTP/1.0\r\nAuthorization: secret\r\n\r\n", 403},
		{"GET /v1/agent/self HTTP/1.0\r\nAuthorization: Bearer\r\n\r\n", 403},
		{"GET /v1/agent/self?token=secret HTTP/1.0\r\n\r\n", 0},
		{"GET /v1/agent/self?token=%73ecret HTTP/1.0\r\n\r\n", 0},
		{"GET /v1/agent/self?token=wrong HTTP/1.0\r\n\r\n", 403},
		{"GET /v1/agent/self?token HTTP/1.0\r\n\r\n", 403},
		{"GET /v1/agent/self?Token=secret HTTP/1.0\r\n\r\n", 403},
		{"GET /healthz HTTP/1.0\r\n\r\n", 0},
		{"GET /readyz?x HTTP/1.0\r\n\r\n", 0},
		{"GET /healthz/../v1/agent/self HTTP/1.0\r\n\r\n", 403},
		{"GET /healthz/ HTTP/1.0\r\n\r\n", 403},
		{"GET //healthz HTTP/1.0\r\n\r\n", 403},
		{"GET /metrics HTTP/1.0\r\n\r\n", 403},
		{"GET / HTTP/1.0\r\n\r\n", 0},
		{"GET /ui/ HTTP/1.0\r\n\r\n", 0},
		{"GET /ui/app.js HTTP/1.0\r\n\r\n", 0},
		{"GET /ui/data/services HTTP/1.0\r\n\r\n", 403},
		{"GET /ui/data/service/web HTTP/1.0\r\n\r\n", 403},
		{"GET /v1/events HTTP/1.0\r\n\r\n", 403},
		{"GET /uix HTTP/1.0\r\n\r\n", 403},
		{"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 403},
	};
	char message[GUARD_MESSAGE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (judge(rows[i].bytes, &with_token, message) != rows[i].status)
			fail_msg("not %d: %s", rows[i].status, rows[i].bytes);
		if (rows[i].status)
			assert_string_equal(message, "Permission denied");
	}
	assert_int_equal(judge(rows[0].bytes, &(struct guard_config){.token = ""}, message), 0);
	/* The right token does not excuse a web page. */
	assert_int_equal(judge("GET / HTTP/1.1\r\nHost: evil.example\r\nX-Consul-Token: secret\r\n\r\n",
				 &with_token, message),
		403);
}

/* Writes a file with exactly this mode; only root can choose the group. */
static void write_file(const char *path, const char *text, mode_t mode, gid_t group)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(geteuid() == 0 ? fchown(fd, (uid_t)-1, group) : 0, 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

#define ROOT_GROUP 0
#define OTHER_GROUP 1

static void token_files(void **state)
{
	static char long_token[GUARD_TOKEN + 2];
	static const struct {
		const char *text;
		mode_t mode;
		int result;
		const char *token;
		gid_t group;
	} rows[] = {
		{"secret", 0600, 0, "secret"},
		{"secret\n", 0400, 0, "secret"},
		{" \r\n secret~!\t\r\n\n", 0700, 0, "secret~!"},
		{"secret", 0640, -EPERM, NULL, OTHER_GROUP},
		{"secret", 0610, -EPERM, NULL, OTHER_GROUP},
		{"secret", 0440, 0, "secret", ROOT_GROUP},
		{"secret", 0604, -EPERM, NULL},
		{"secret", 0444, -EPERM, NULL},
		{"secret", 0602, -EPERM, NULL},
		{"", 0600, -EINVAL, NULL},
		{" \n\n", 0600, -EINVAL, NULL},
		{"two words", 0600, -EINVAL, NULL},
		{"two\nlines", 0600, -EINVAL, NULL},
		{"\xc3\xbc", 0600, -EINVAL, NULL},
		{long_token, 0600, -EINVAL, NULL},
	};
	char directory[] = "/tmp/svcdns-guard-XXXXXX", path[64], message[GUARD_MESSAGE], *token = NULL;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/token", directory);
	memset(long_token, 'x', sizeof(long_token) - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		message[0] = '\0';
		if (rows[i].mode & S_IRGRP && rows[i].group == ROOT_GROUP && getegid() != ROOT_GROUP)
			continue;
		write_file(path, rows[i].text, rows[i].mode, rows[i].group);
		assert_int_equal(guard_load_token(path, &token, message), rows[i].result);
		if (rows[i].result == 0) {
			assert_string_equal(token, rows[i].token);
			free(token);
			token = NULL;
		} else {
			assert_null(token);
			assert_non_null(strstr(message, path));
			assert_null(strstr(message, "secret"));
		}
	}
	unlink(path);
	assert_int_equal(guard_load_token(path, &token, message), -ENOENT);
	assert_non_null(strstr(message, path));
	assert_int_equal(guard_load_token(directory, &token, message), -EINVAL);
	assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
	assert_int_equal(guard_load_token(path, &token, message), -EINVAL);
	unlink(path);
	rmdir(directory);
}

static void binds(void **state)
{
	static const struct {
		const char *address;
		int without_token;
	} rows[] = {
		{"127.0.0.1:8500", 0},
		{"127.9.9.9:8500", 0},
		{"[::1]:8500", 0},
		{"0.0.0.0:8500", -EPERM},
		{"[::]:8500", -EPERM},
		{"192.0.2.1:8500", -EPERM},
		{"[2001:db8::1]:8500", -EPERM},
	};
	struct net_addr addrs[2];
	char message[256];

	(void)state;
	assert_int_equal(sidecar_check_bind(NULL, 0, false, message), 0);
	assert_int_equal(net_addr_parse("127.0.0.1:1", 0, &addrs[0]), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(net_addr_parse(rows[i].address, 0, &addrs[1]), 0);
		assert_int_equal(sidecar_check_bind(addrs, 2, true, message), 0);
		assert_int_equal(sidecar_check_bind(addrs, 2, false, message), rows[i].without_token);
		if (rows[i].without_token)
			assert_non_null(strstr(message, rows[i].address));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_clients_pass),
		cmocka_unit_test(web_pages_do_not),
		cmocka_unit_test(links_lead_to_the_page),
		cmocka_unit_test(token_is_asked_for),
		cmocka_unit_test(token_files),
		cmocka_unit_test(binds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
