#include "http_peer.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/listen.h"
#include "net/wake.h"

#define SILENT_MAX 64

struct http_peer {
	pthread_t thread;
	int listener, bell;
	unsigned port;
	SSL_CTX *tls;
	int silent[SILENT_MAX]; /* connections that are kept open */
	size_t silent_count;
};

struct stream {
	int fd;
	SSL *ssl; /* NULL for plain */
	char request[8192];
	size_t size;
};

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "http_peer: %s\n", what);
	abort();
}

static long stream_read(struct stream *stream, char *bytes, size_t size)
{
	return stream->ssl ? SSL_read(stream->ssl, bytes, (int)size) : recv(stream->fd, bytes, size, 0);
}

static bool stream_write(struct stream *stream, const char *bytes, size_t size)
{
	long n;

	for (; size > 0; bytes += n, size -= (size_t)n) {
		n = stream->ssl ? SSL_write(stream->ssl, bytes, (int)size)
				: send(stream->fd, bytes, size, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return true;
}

static bool stream_say(struct stream *stream, const char *text)
{
	return stream_write(stream, text, strlen(text));
}

/* Reads the head and as much body as it announces. */
static bool read_request(struct stream *stream)
{
	for (;;) {
		const char *end, *length;
		long n = stream_read(
			stream, stream->request + stream->size, sizeof(stream->request) - 1 - stream->size);

		if (n <= 0)
			return false;
		stream->size += (size_t)n;
		stream->request[stream->size] = '\0';
		end = strstr(stream->request, "\r\n\r\n");
		if (!end)
			continue;
		length = strstr(stream->request, "Content-Length: ");
		if (strlen(end + 4) >= (length && length < end ? strtoul(length + 16, NULL, 10) : 0))
			return true;
	}
}

static void send_plain(struct stream *stream)
{
	stream_say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

/* Sends the request back as the body, and what TLS was asked for. */
static void send_echo(struct stream *stream)
{
	const char *name = stream->ssl ? SSL_get_servername(stream->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
	char head[256];

	snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nX-Server-Name: %s\r\nConnection: close\r\n\r\nSNI %s\n",
		name ? name : "none", name ? name : "none");
	stream_say(stream, head);
	stream_write(stream, stream->request, stream->size);
}

static void send_teapot(struct stream *stream)
{
	stream_say(stream, "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n");
}

static void send_no_reason(struct stream *stream)
{
	stream_say(stream, "HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n");
}

static void send_two_heads(struct stream *stream)
{
	stream_say(stream, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n");
}

static void send_redirect(struct stream *stream)
{
	stream_say(stream, "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n");
}

static void send_endless_body(struct stream *stream)
{
	stream_say(stream, "HTTP/1.1 200 OK\r\n\r\n");
	while (stream_say(stream, "0123456789"))
		;
}

static void send_endless_head(struct stream *stream)
{
	stream_say(stream, "HTTP/1.1 200 OK\r\n");
	while (stream_say(stream, "X-More: and more and more and more\r\n"))
		;
}

static void send_short_body(struct stream *stream)
{
	stream_say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
}

static void send_garbage(struct stream *stream)
{
	stream_say(stream, "220 smtp.example.org ESMTP\r\n");
}

static void send_nothing(struct stream *stream)
{
	(void)stream;
}

static void send_head_only(struct stream *stream)
{
	stream_say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
}

static const struct {
	const char *path;
	void (*reply)(struct stream *stream);
	bool stays_open;
} replies[] = {
	{"/plain", send_plain, false},
	{"/echo", send_echo, false},
	{"/teapot", send_teapot, false},
	{"/no-reason", send_no_reason, false},
	{"/two-heads", send_two_heads, false},
	{"/redirect", send_redirect, false},
	{"/endless-body", send_endless_body, false},
	{"/endless-head", send_endless_head, false},
	{"/short-body", send_short_body, false},
	{"/garbage", send_garbage, false},
	{"/closes", send_nothing, false},
	{"/silent", send_nothing, true},
	{"/head-only", send_head_only, true},
};

/* Answers one request. True if the connection is to stay open. */
static bool serve(struct http_peer *peer, struct stream *stream)
{
	const char *path;

	if (peer->tls) {
		stream->ssl = SSL_new(peer->tls);
		SSL_set_fd(stream->ssl, stream->fd);
		if (SSL_accept(stream->ssl) != 1)
			return false;
	}
	if (!read_request(stream))
		return false;
	path = strchr(stream->request, ' ');
	for (size_t i = 0; path && i < sizeof(replies) / sizeof(replies[0]); i++) {
		size_t length = strlen(replies[i].path);

		if (strncmp(path + 1, replies[i].path, length) != 0 || !strchr(" ?", path[1 + length]))
			continue;
		replies[i].reply(stream);
		return replies[i].stays_open;
	}
	return false;
}

static void serve_one(struct http_peer *peer)
{
	struct stream stream = {.fd = accept(peer->listener, NULL, NULL)};
	bool stays_open;

	if (stream.fd < 0)
		return;
	stays_open = serve(peer, &stream);
	if (stream.ssl && !stays_open)
		SSL_shutdown(stream.ssl);
	SSL_free(stream.ssl);
	if (stays_open && peer->silent_count < SILENT_MAX)
		peer->silent[peer->silent_count++] = stream.fd;
	else
		close(stream.fd);
}

static void *run(void *ctx)
{
	struct http_peer *peer = ctx;
	struct pollfd fds[] = {
		{.fd = peer->bell, .events = POLLIN}, {.fd = peer->listener, .events = POLLIN}};

	while (poll(fds, 2, -1) >= 0 && !fds[0].revents)
		serve_one(peer);
	return NULL;
}

static SSL_CTX *create_tls(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	check(tls && key && certificate, "no TLS");
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"peer.test", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, key);
	check(X509_sign(certificate, key, EVP_sha256()) > 0, "no certificate");
	check(SSL_CTX_use_certificate(tls, certificate) == 1 && SSL_CTX_use_PrivateKey(tls, key) == 1,
		"no key");
	X509_free(certificate);
	EVP_PKEY_free(key);
	return tls;
}

struct http_peer *http_peer_start(bool tls)
{
	struct http_peer *peer = mem_alloc(sizeof(*peer));
	struct net_addr addr;

	check(net_addr_parse("127.0.0.1:0", 0, &addr) == 0, "no address");
	check(net_listen_tcp(&addr, 128, false, &peer->listener) == 0, "no listener");
	peer->port = net_addr_port(&addr);
	peer->bell = net_wake_create();
	check(peer->bell >= 0, "no bell");
	if (tls)
		peer->tls = create_tls();
	check(pthread_create(&peer->thread, NULL, run, peer) == 0, "no thread");
	return peer;
}

void http_peer_stop(struct http_peer *peer)
{
	net_wake_ring(peer->bell);
	pthread_join(peer->thread, NULL);
	for (size_t i = 0; i < peer->silent_count; i++)
		close(peer->silent[i]);
	close(peer->listener);
	close(peer->bell);
	SSL_CTX_free(peer->tls);
	free(peer);
}

unsigned http_peer_port(const struct http_peer *peer)
{
	return peer->port;
}
