/* test_decode.c -- bodies as clients send them, and as nobody should: what comes out, or the exact refusal.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sidecar/decode.h"

#define CHECKS_MAX 4

static struct decode decoder(struct arena *arena)
{
	return (struct decode){
		.fields = {.arena = arena}, .node_name = "n1", .datacenter = "dc1", .checks = CHECKS_MAX};
}

/* --- What was decoded, as one line ---------------------------------------------------------------------- */

static void show_check(struct buf *out, const struct registry_check *check)
{
	static const char *const types[] = {"none", "ttl", "tcp", "http", "grpc", "maintenance"};
	const struct registry_check_definition *d = &check->definition;

	buf_printf(out, " [%s '%s' of '%s' %s %s '%s'", check->id, check->name, check->instance_id,
		registry_status_name(check->status), types[d->type], d->target);
	if (*check->notes)
		buf_printf(out, " notes=%s", check->notes);
	if (*check->output)
		buf_printf(out, " output=%s", check->output);
	if (d->interval_ns)
		buf_printf(out, " interval=%lld", (long long)d->interval_ns);
	if (d->timeout_ns)
		buf_printf(out, " timeout=%lld", (long long)d->timeout_ns);
	if (d->ttl_ns)
		buf_printf(out, " ttl=%lld", (long long)d->ttl_ns);
	if (d->deregister_after_ns)
		buf_printf(out, " after=%lld", (long long)d->deregister_after_ns);
	if (*d->method)
		buf_printf(out, " method=%s", d->method);
	if (*d->body)
		buf_printf(out, " body=%s", d->body);
	if (*d->tls_server_name)
		buf_printf(out, " sni=%s", d->tls_server_name);
	if (d->tls_skip_verify)
		buf_str(out, " insecure");
	if (d->use_tls)
		buf_str(out, " tls");
	for (size_t i = 0; i < d->header_count; i++)
		buf_printf(out, " %s:%s", d->headers[i].key, d->headers[i].value);
	if (d->success_before_passing || d->failures_before_warning || d->failures_before_critical)
		buf_printf(out, " %u/%u/%u", d->success_before_passing, d->failures_before_warning,
			d->failures_before_critical);
	if (d->output_max_size)
		buf_printf(out, " max=%u", d->output_max_size);
	buf_str(out, "]");
}

static void show_instance(struct buf *out, const struct registry_instance *instance)
{
	buf_printf(out, "%s/%s '%s' %s:%u w%u/%u", instance->node, instance->id, instance->service,
		instance->address, instance->port, instance->weight_passing, instance->weight_warning);
	for (size_t i = 0; i < instance->tag_count; i++)
		buf_printf(out, " #%s", instance->tags[i]);
	for (size_t i = 0; i < instance->meta_count; i++)
		buf_printf(out, " %s=%s", instance->meta[i].key, instance->meta[i].value);
	for (size_t i = 0; i < instance->tagged_count; i++)
		buf_printf(out, " %s@%s:%u", instance->tagged[i].name, instance->tagged[i].address,
			instance->tagged[i].port);
	if (instance->enable_tag_override)
		buf_str(out, " override");
	if (!instance->agent)
		buf_str(out, " catalog");
}

static int service(struct decode *decode, const char *body, size_t size, struct buf *out)
{
	struct decode_service ret;
	int error = decode_service(decode, body, size, &ret);

	if (error)
		return error;
	show_instance(out, &ret.instance);
	for (size_t i = 0; i < ret.check_count; i++)
		show_check(out, &ret.checks[i]);
	return 0;
}

static int check(struct decode *decode, const char *body, size_t size, struct buf *out)
{
	struct registry_check ret;
	int error = decode_check(decode, body, size, &ret);

	if (!error)
		show_check(out, &ret);
	return error;
}

static int update(struct decode *decode, const char *body, size_t size, struct buf *out)
{
	struct decode_update ret;
	int error = decode_update(decode, body, size, &ret);

	if (!error)
		buf_printf(out, "%s '%s'", registry_status_name(ret.status), ret.output);
	return error;
}

static int registration(struct decode *decode, const char *body, size_t size, struct buf *out)
{
	struct decode_registration ret;
	int error = decode_registration(decode, body, size, &ret);

	if (error)
		return error;
	buf_printf(out, "%s %s %s", ret.node.name, ret.node.address, ret.node.id);
	for (size_t i = 0; i < ret.node.tagged_count; i++)
		buf_printf(out, " %s@%s", ret.node.tagged[i].key, ret.node.tagged[i].value);
	for (size_t i = 0; i < ret.node.meta_count; i++)
		buf_printf(out, " %s=%s", ret.node.meta[i].key, ret.node.meta[i].value);
	if (ret.skip_node_update)
		buf_str(out, " skip");
	if (ret.has_service) {
		buf_str(out, " | ");
		show_instance(out, &ret.instance);
	}
	for (size_t i = 0; i < ret.check_count; i++)
		show_check(out, &ret.checks[i]);
	return 0;
}

static int removal(struct decode *decode, const char *body, size_t size, struct buf *out)
{
	struct decode_removal ret;
	int error = decode_removal(decode, body, size, &ret);

	if (!error)
		buf_printf(out, "%s '%s' '%s'", ret.node, ret.instance_id, ret.check_id);
	return error;
}

/* --- The table ------------------------------------------------------------------------------------------ */

typedef int decoder_function(struct decode *decode, const char *body, size_t size, struct buf *out);

#define DECODE "Request decode failed: "
#define MISTYPED DECODE "json: cannot unmarshal "

static const struct {
	decoder_function *decode;
	const char *body, *expected; /* the line, or the message if `error` */
	int error;
} rows[] = {
	/* The agent's services. */
	{service, "{\"Name\":\"web\"}", "n1/web 'web' :0 w1/1"},
	{service,
		"{\"name\":\"web\",\"id\":\"w1\",\"address\":\"10.0.0.1\",\"port\":8080,\"tags\":[\"a\","
		"\"b\"]}",
		"n1/w1 'web' 10.0.0.1:8080 w1/1 #a #b"},
	{service, "{\"NAME\":\"web\",\"Address\":\"2001:db8::1\",\"Port\":1}",
		"n1/web 'web' 2001:db8::1:1 w1/1"},
	{service, "{\"Name\":\"web\",\"Address\":\"host.example\"}", "n1/web 'web' host.example:0 w1/1"},
	{service,
		"{\"Name\":\"web\",\"ID\":null,\"Tags\":null,\"Address\":null,\"Port\":null,\"Meta\":null,"
		"\"TaggedAddresses\":null,\"Weights\":null,\"EnableTagOverride\":null,\"Check\":null,"
		"\"Checks\":null,"
		"\"Kind\":null,\"Proxy\":null,\"Connect\":null}",
		"n1/web 'web' :0 w1/1"},
	/* A null in a list or map is an empty text, as in Go. */
	{service, "{\"Name\":\"web\",\"Tags\":[null,\"t\"],\"Meta\":{\"a\":null}}",
		"n1/web 'web' :0 w1/1 # #t a="},
	{service,
		"{\"Name\":\"web\",\"Check\":{\"TCP\":\"h:1\",\"Interval\":\"1s\",\"Header\":{\"A\":null}}}",
		"n1/web 'web' :0 w1/1 [service:web 'Service 'web' check' of 'web' critical tcp 'h:1' "
		"interval=1000000000]"},
	{service,
		"{\"Name\":\"web\",\"Meta\":{\"a\":\"1\",\"B\":\"2\"},\"Weights\":{\"Passing\":10,"
		"\"Warning\":0},"
		"\"enable_tag_override\":true,\"tagged_addresses\":{\"lan\":{\"address\":\"10.0.0.2\","
		"\"port\":5}}}",
		"n1/web 'web' :0 w10/0 a=1 B=2 lan@10.0.0.2:5 override"},
	{service,
		"{\"Name\":\"web\",\"Address\":\"10.0.0.1\",\"Port\":80,\"TaggedAddresses\":{\"lan_ipv4\":"
		"{\"Address\":\"10.0.0.9\",\"Port\":81},\"x\":null}}",
		"n1/web 'web' 10.0.0.1:80 w1/1 lan_ipv4@10.0.0.9:81"},
	{service, "{\"Name\":\"web\",\"Unknown\":{\"a\":[1,2.5,{}]},\"WriteRequest\":{\"Token\":\"t\"}}",
		"n1/web 'web' :0 w1/1"},
	{service, " \r\n{\"Name\":\"\\u00e9\\ud83d\\ude00\"}\n",
		"n1/\xc3\xa9\xf0\x9f\x98\x80 '\xc3\xa9\xf0\x9f\x98\x80' :0 w1/1"},
	/* Their checks, as python-consul, go-micro and go-zero send them. */
	{service,
		"{\"name\":\"web\",\"id\":\"w1\",\"check\":{\"tcp\":\"h:8080\",\"interval\":\"10s\","
		"\"timeout\":\"1s\","
		"\"DeregisterCriticalServiceAfter\":\"1m\"}}",
		"n1/w1 'web' :0 w1/1 [service:w1 'Service 'web' check' of 'w1' critical tcp 'h:8080' "
		"interval=10000000000 timeout=1000000000 after=60000000000]"},
	{service, "{\"Name\":\"web\",\"Check\":{},\"Checks\":[]}", "n1/web 'web' :0 w1/1"},
	{service,
		"{\"Name\":\"web\",\"Checks\":[null,{\"TTL\":\"30s\",\"deregister_critical_service_after\":"
		"\"1m5s\"}]}",
		"n1/web 'web' :0 w1/1 [service:web 'Service 'web' check' of 'web' critical ttl '' "
		"ttl=30000000000 "
		"after=65000000000]"},
	{service,
		"{\"Name\":\"web\",\"Check\":{\"TTL\":\"1s\",\"Status\":\"passing\"},\"Checks\":[{"
		"\"CheckID\":\"own\","
		"\"Name\":\"Own\",\"TTL\":1500000000},{\"HTTP\":\"http://h/\",\"Interval\":\"1m30s\"}]}",
		"n1/web 'web' :0 w1/1 [service:web:1 'Service 'web' check' of 'web' passing ttl '' "
		"ttl=1000000000] [own "
		"'Own' of 'web' critical ttl '' ttl=1500000000] [service:web:3 'Service 'web' check' of "
		"'web' critical "
		"http 'http://h/' interval=90000000000]"},
	{service,
		"{\"Name\":\"web\",\"Check\":{\"HTTP\":\"https://h/"
		"x\",\"Method\":\"POST\",\"Header\":{\"A\":[\"1\",\"2\"],"
		"\"B\":[]},\"Body\":\"b\",\"TLSServerName\":\"s\",\"TLSSkipVerify\":true,\"Interval\":"
		"\"10s\","
		"\"success_before_passing\":2,\"FailuresBeforeWarning\":1,\"FailuresBeforeCritical\":3,"
		"\"OutputMaxSize\":100,\"Notes\":\"n\"}}",
		"n1/web 'web' :0 w1/1 [service:web 'Service 'web' check' of 'web' critical http "
		"'https://h/x' notes=n "
		"interval=10000000000 method=POST body=b sni=s insecure A:1 A:2 2/1/3 max=100]"},
	{service,
		"{\"Name\":\"web\",\"Check\":{\"TTL\":\"10s\",\"Interval\":\"\",\"Script\":\"\",\"Args\":[],"
		"\"GRPC\":null}}",
		"n1/web 'web' :0 w1/1 [service:web 'Service 'web' check' of 'web' critical ttl '' "
		"ttl=10000000000]"},
	{service,
		"{\"Name\":\"web\",\"Checks\":[{\"GRPC\":\"h:1/"
		"shop.Cart\",\"GRPCUseTLS\":true,\"Interval\":\"1s\"},"
		"{\"grpc\":\"[::1]:2\",\"grpc_use_tls\":false,\"TCPUseTLS\":false,\"interval\":\"1s\"}]}",
		"n1/web 'web' :0 w1/1 [service:web:1 'Service 'web' check' of 'web' critical grpc "
		"'h:1/shop.Cart' "
		"interval=1000000000 tls] [service:web:2 'Service 'web' check' of 'web' critical grpc "
		"'[::1]:2' "
		"interval=1000000000]"},
	/* Refused. */
	{service, "", DECODE "EOF", -EINVAL},
	{service, " \n\t", DECODE "EOF", -EINVAL},
	{service, "null", "Missing service name", -EINVAL},
	{service, "{}", "Missing service name", -EINVAL},
	{service, "{\"Name\":\"\"}", "Missing service name", -EINVAL},
	{service, "{\"Service\":\"web\"}", "Missing service name", -EINVAL},
	{service, "[]", MISTYPED "array into a body of type object", -EINVAL},
	{service, "\"web\"", MISTYPED "string into a body of type object", -EINVAL},
	{service, "{\"Name\":1}", MISTYPED "number into field \"Name\" of type string", -EINVAL},
	{service, "{\"name\":{}}", MISTYPED "object into field \"Name\" of type string", -EINVAL},
	{service, "{\"Name\":\"w\",\"Port\":\"80\"}", MISTYPED "string into field \"Port\" of type int",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Port\":80.0}",
		MISTYPED "number with a fraction or exponent into field \"Port\" of type int", -EINVAL},
	{service, "{\"Name\":\"w\",\"Port\":1e3}",
		MISTYPED "number with a fraction or exponent into field \"Port\" of type int", -EINVAL},
	{service, "{\"Name\":\"w\",\"Port\":true}", MISTYPED "bool into field \"Port\" of type int", -EINVAL},
	{service, "{\"Name\":\"w\",\"Port\":65536}",
		DECODE "field \"Port\": 65536 is not a port (0 to 65535)", -EINVAL},
	{service, "{\"Name\":\"w\",\"Port\":-1}", DECODE "field \"Port\": -1 is not a port (0 to 65535)",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Tags\":\"a\"}", MISTYPED "string into field \"Tags\" of type []string",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Tags\":[\"a\",1]}",
		MISTYPED "number into field \"Tags\" of type []string", -EINVAL},
	{service, "{\"Name\":\"w\",\"Meta\":[]}",
		MISTYPED "array into field \"Meta\" of type map[string]string", -EINVAL},
	{service, "{\"Name\":\"w\",\"Meta\":{\"k\":1}}",
		MISTYPED "number into field \"Meta.k\" of type string", -EINVAL},
	{service, "{\"Name\":\"w\",\"EnableTagOverride\":\"yes\"}",
		MISTYPED "string into field \"EnableTagOverride\" of type bool", -EINVAL},
	{service, "{\"Name\":\"w\",\"Weights\":{\"Passing\":\"1\"}}",
		MISTYPED "string into field \"Weights.Passing\" of type int", -EINVAL},
	{service, "{\"Name\":\"w\",\"Weights\":{\"Passing\":-1}}",
		"Invalid Weights: Passing must be from 1 to 65535", -EINVAL},
	{service, "{\"Name\":\"w\",\"Weights\":{\"Passing\":1,\"Warning\":-1}}",
		"Invalid Weights: Warning must be from 0 to 65535", -EINVAL},
	{service, "{\"Name\":\"w\",\"TaggedAddresses\":{\"lan\":\"10.0.0.1\"}}",
		MISTYPED "string into field \"TaggedAddresses\" of type map[string]{Address, Port}", -EINVAL},
	{service, "{\"Name\":\"w\",\"TaggedAddresses\":{\"lan\":{\"Port\":\"1\"}}}",
		MISTYPED "string into field \"TaggedAddresses.lan.Port\" of type int", -EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":[]}", MISTYPED "array into field \"Check\" of type object",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Checks\":{}}", MISTYPED "object into field \"Checks\" of type array",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Checks\":[1]}", MISTYPED "number into field \"Checks\" of type []object",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"TTL\":\"10\"}}",
		DECODE "field \"Check.TTL\": time: missing unit in duration \"10\"", -EINVAL},
	{service, "{\"Name\":\"w\",\"Checks\":[{\"TTL\":\"1d\"}]}",
		DECODE "field \"Checks[0].TTL\": time: invalid duration \"1d\"", -EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"TTL\":1.5}}",
		MISTYPED "number with a fraction or exponent into field \"Check.TTL\" of type duration",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"TTL\":\"999999999h\"}}",
		DECODE "field \"Check.TTL\": time: invalid duration \"999999999h\"", -EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"Status\":\"ok\",\"TTL\":\"1s\"}}",
		"Status for checks must 'passing', 'warning', 'critical'", -EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"Status\":\"passing\"}}",
		"Invalid check: TTL must be > 0 for TTL checks", -EINVAL},
	{service, "{\"Name\":\"w\",\"Checks\":[{}]}", "Invalid check: TTL must be > 0 for TTL checks",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"Script\":\"/bin/true\",\"Interval\":\"1s\"}}",
		"Invalid check: field \"Check.Script\": checks of this kind are not offered; offered are "
		"TTL, TCP, HTTP and GRPC",
		-EINVAL},
	{service,
		"{\"Name\":\"w\",\"Check\":{\"docker_container_id\":\"x\",\"shell\":\"sh\",\"interval\":"
		"\"1s\"}}",
		"Invalid check: field \"Check.DockerContainerID\": checks of this kind are not offered; "
		"offered are TTL, TCP, HTTP and GRPC",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Checks\":[{\"TTL\":\"1s\"},{\"UDP\":\"h:1\",\"Interval\":\"1s\"}]}",
		"Invalid check: field \"Checks[1].UDP\": checks of this kind are not offered; offered are "
		"TTL, TCP, HTTP and GRPC",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"TCP\":\"h:1\",\"Interval\":\"1s\",\"TCPUseTLS\":true}}",
		"Invalid check: field \"Check.TCPUseTLS\": TLS is offered for HTTP (https://) and GRPC "
		"checks only",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"TTL\":\"1s\",\"OutputMaxSize\":-1}}",
		"Invalid check: MaxOutputMaxSize must be positive", -EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"TTL\":\"1s\",\"FailuresBeforeCritical\":-1}}",
		"Invalid check: field \"Check.FailuresBeforeCritical\" is out of range", -EINVAL},
	{service,
		"{\"Name\":\"w\",\"Check\":{\"HTTP\":\"http://"
		"h\",\"Interval\":\"1s\",\"Header\":{\"A\":\"1\"}}}",
		MISTYPED "string into field \"Check.Header\" of type map[string][]string", -EINVAL},
	{service,
		"{\"Name\":\"w\",\"Checks\":[{\"CheckID\":\"a\",\"TTL\":\"1s\"},{\"CheckID\":\"A\",\"TTL\":"
		"\"1s\"}]}",
		"Invalid check: field \"CheckID\": \"A\" is given twice", -EINVAL},
	{service, "{\"Name\":\"w\",\"Check\":{\"TTL\":\"1s\"},\"Checks\":[{},{},{},{}]}",
		"field \"Checks\": more than 4 checks", -EDQUOT},
	/* JSON that is none, or not ours. */
	{service, "{\"Name\":\"w\",\"name\":\"x\"}", DECODE "json: duplicate field \"Name\"", -EINVAL},
	{service, "{\"Name\":\"w\",\"Name\":\"x\"}",
		DECODE "json: duplicate object key near '\"Name\"' at line 1, column 18", -EINVAL},
	{service, "{\"Name\":\"w\"", DECODE "json: '}' expected near end of file at line 1, column 11",
		-EINVAL},
	{service, "{\"Name\":\"w\"} {}", DECODE "json: end of file expected near '{' at line 1, column 14",
		-EINVAL},
	{service, "{\"Name\":\"w\",\"Port\":NaN}", NULL, -EINVAL},
	{service, "{\"Name\":\"w\",\"Port\":1e999}",
		DECODE "json: real number overflow near '1e999' at line 1, column 24", -EINVAL},
	{service, "{\"Name\":\"w\",\"Port\":99999999999999999999}", NULL, -EINVAL},
	{service, "{\"Name\":\"a\\u0000b\"}", NULL, -EINVAL},
	{service, "{\"Name\":\"\xff\"}", NULL, -EINVAL},
	{service, "{\"Name\":\"\\ud800\"}", NULL, -EINVAL},
	{service, "{'Name':'w'}", NULL, -EINVAL},
	{service, "Name=w", NULL, -EINVAL},
	/* Checks of their own. */
	{check, "{\"name\":\"mem\",\"ttl\":\"10s\"}", " [mem 'mem' of '' critical ttl '' ttl=10000000000]"},
	{check,
		"{\"ID\":\"m1\",\"Name\":\"mem\",\"ServiceID\":\"web1\",\"Notes\":\"n\",\"Status\":"
		"\"warning\","
		"\"TCP\":\"[::1]:80\",\"Interval\":\"10s\"}",
		" [m1 'mem' of 'web1' warning tcp '[::1]:80' notes=n interval=10000000000]"},
	{check, "{\"CheckID\":\"c\",\"Name\":\"mem\",\"service_id\":\"w\",\"TTL\":\"1s\"}",
		" [c 'mem' of 'w' critical ttl '' ttl=1000000000]"},
	{check, "{\"TTL\":\"10s\"}", "Missing check name", -EINVAL},
	{check, "{\"Name\":\"m\",\"Status\":\"up\",\"TTL\":\"1s\"}", "Bad check status", -EINVAL},
	{check, "{\"Name\":\"m\",\"Args\":[\"/bin/true\"],\"Interval\":\"1s\"}",
		"Invalid check: field \"Args\": checks of this kind are not offered; offered are TTL, TCP, "
		"HTTP and GRPC",
		-EINVAL},
	{check, "{\"Name\":\"m\",\"AliasService\":\"web\"}",
		"Invalid check: field \"AliasService\": checks of this kind are not offered; offered are "
		"TTL, TCP, HTTP and GRPC",
		-EINVAL},
	{update, "{\"Status\":\"passing\",\"Output\":\"\"}", "passing ''"},
	{update, "{\"status\":\"critical\",\"output\":\"down\"}", "critical 'down'"},
	{update, "{\"Status\":\"up\"}", "Invalid check status: 'up'", -EINVAL},
	{update, "{}", "Invalid check status: ''", -EINVAL},
	{update, "", DECODE "EOF", -EINVAL},
	/* The catalog. */
	{registration, "{\"Node\":\"a\",\"Address\":\"10.0.0.1\"}", "a 10.0.0.1 "},
	{registration,
		"{\"ID\":\"40e4a748-2192-161a-0510-9bf59fe950b5\",\"node\":\"a\",\"address\":\"10.0.0.1\","
		"\"Datacenter\":\"dc1\","
		"\"TaggedAddresses\":{\"lan\":\"10.0.0.1\"},\"NodeMeta\":{\"os\":\"linux\"},\"Service\":{"
		"\"ID\":\"r1\","
		"\"Service\":\"redis\",\"Tags\":[\"p\"],\"Address\":\"10.0.0.2\",\"Port\":6379,\"Weights\":{"
		"\"Passing\":0,"
		"\"Warning\":0},\"Connect\":null}}",
		"a 10.0.0.1 40e4a748-2192-161a-0510-9bf59fe950b5 lan@10.0.0.1 os=linux | a/r1 'redis' "
		"10.0.0.2:6379 w1/1 #p "
		"catalog"},
	{registration, "{\"Node\":\"a\",\"SkipNodeUpdate\":true,\"Service\":{\"Service\":\"redis\"}}",
		"a   skip | a/redis 'redis' :0 w1/1 catalog"},
	{registration,
		"{\"Node\":\"a\",\"Address\":\"x\",\"Check\":{\"Name\":\"c\",\"Status\":\"passing\","
		"\"Output\":\"o\"},"
		"\"Checks\":[{\"Node\":\"A\",\"CheckID\":\"d\",\"ServiceID\":\"s\",\"Notes\":\"n\","
		"\"Definition\":{\"TCP\":\"h:1\","
		"\"IntervalDuration\":\"1s\"}}]}",
		"a x  [c 'c' of '' passing none '' output=o] [d '' of 's' critical none '' notes=n]"},
	{registration, "{\"Node\":\"a\",\"Address\":\"x\",\"Service\":{},\"Check\":null}", "a x "},
	{registration, "{\"Address\":\"x\"}", "Must provide node", -EINVAL},
	{registration, "{\"Node\":\"a\"}", "Must provide address if SkipNodeUpdate is not set", -EINVAL},
	{registration, "{\"Node\":\"a\",\"Address\":\"x\",\"Service\":{\"ID\":\"r1\"}}",
		"Must provide service name (Service.Service) when service ID is provided", -EINVAL},
	{registration, "{\"Node\":\"a\",\"Address\":\"x\",\"Service\":{\"Service\":\"s\",\"Port\":\"1\"}}",
		MISTYPED "string into field \"Service.Port\" of type int", -EINVAL},
	{registration, "{\"Node\":\"a\",\"Address\":\"x\",\"Check\":{\"Node\":\"b\",\"Name\":\"c\"}}",
		"Node 'b' for check 'c' doesn't match register request node 'a'", -EINVAL},
	{registration, "{\"Node\":\"a\",\"Address\":\"x\",\"Check\":{\"Status\":\"passing\"}}",
		"field \"Check.CheckID\": a check needs a CheckID or a Name", -EINVAL},
	{registration, "{\"Node\":\"a\",\"Address\":\"x\",\"Checks\":[{\"Name\":\"c\",\"Status\":\"up\"}]}",
		"field \"Checks[0].Status\": \"up\" is not passing, warning or critical", -EINVAL},
	{registration, "{\"Node\":\"a\",\"Address\":\"x\",\"Datacenter\":\"dc2\"}", "No path to datacenter",
		-ESRCH},
	{removal, "{\"Node\":\"a\"}", "a '' ''"},
	{removal, "{\"node\":\"a\",\"serviceid\":\"s\",\"CheckID\":\"c\",\"Address\":\"x\"}", "a 's' 'c'"},
	{removal, "{\"ServiceID\":\"s\"}", "Must provide node", -EINVAL},
	{removal, "{\"Node\":\"a\",\"Datacenter\":\"dc2\"}", "No path to datacenter", -ESRCH},
};

static void decodes_each_row(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_create();
		struct decode decode = decoder(arena);
		struct buf out = {0};
		int error = rows[i].decode(&decode, rows[i].body, strlen(rows[i].body), &out);

		if (error != rows[i].error ||
			(rows[i].expected &&
				strcmp(error ? decode.fields.message : out.data, rows[i].expected)))
			fail_msg("%s\n  gave     %d %s\n  expected %d %s", rows[i].body, error,
				error ? decode.fields.message : out.data, rows[i].error, rows[i].expected);
		if (error && !rows[i].expected &&
			strncmp(decode.fields.message, DECODE "json: ", strlen(DECODE "json: ")))
			fail_msg("%s\n  gave %s", rows[i].body, decode.fields.message);
		buf_finish(&out);
		arena_destroy(arena);
	}
}

/* A body of brackets alone must not be recursed into; 32 levels are allowed, in strings as many as they like.
 */
static void depth_is_bounded(void **state)
{
	static const struct {
		int levels, error;
	} depths[] = {{31, 0}, {32, -EINVAL}, {100000, -EINVAL}};

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		struct arena *arena = arena_create();
		struct decode decode = decoder(arena);
		struct decode_service ret;
		struct buf body = {0};

		buf_str(&body, "{\"Name\":\"w\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\",\"x\":");
		for (int level = 0; level < depths[i].levels; level++)
			buf_str(&body, "[");
		for (int level = 0; level < depths[i].levels; level++)
			buf_str(&body, "]");
		buf_str(&body, "}");
		assert_int_equal(decode_service(&decode, body.data, body.size, &ret), depths[i].error);
		if (depths[i].error)
			assert_string_equal(decode.fields.message, DECODE "json: nested more than 32 deep");
		buf_finish(&body);
		arena_destroy(arena);
	}
}

/* A NUL among the bytes is no end of the body. */
static void a_nul_is_refused(void **state)
{
	static const char body[] = "{\"Name\":\"w\"}\0{";
	struct arena *arena = arena_create();
	struct decode decode = decoder(arena);
	struct decode_service ret;

	assert_int_equal(decode_service(&decode, body, sizeof(body) - 1, &ret), -EINVAL);
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_each_row),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(a_nul_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
