/* ask.c -- ldns, and its packets turned into JSON. */
#include "svcdns/ask.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define TIMEOUT_S 2
#define TRIES 2
#define UDP_SIZE 1232 /* RFC 9715 */

bool ask_type(const char *type)
{
	/* ldns gives 0, which is no type, for what it does not know. */
	return (int)ldns_get_rr_type_by_name(type) != 0;
}

bool ask_name(const char *name)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name);

	ldns_rdf_deep_free(owner);
	return owner;
}

static ldns_resolver *resolver(const struct net_addr *dns, bool tcp)
{
	struct sockaddr_storage storage = {0};
	uint16_t port;
	ldns_resolver *made = ldns_resolver_new();
	ldns_rdf *address;

	if (!made)
		return NULL;
	memcpy(&storage, &dns->any, dns->size);
	address = ldns_sockaddr_storage2rdf(&storage, &port);
	if (!address || ldns_resolver_push_nameserver(made, address) != LDNS_STATUS_OK) {
		ldns_rdf_deep_free(address);
		ldns_resolver_deep_free(made);
		return NULL;
	}
	ldns_rdf_deep_free(address);
	ldns_resolver_set_port(made, port);
	ldns_resolver_set_timeout(made, (struct timeval){.tv_sec = TIMEOUT_S});
	ldns_resolver_set_retry(made, TRIES);
	ldns_resolver_set_retrans(made, 0);
	ldns_resolver_set_recursive(made, true);
	ldns_resolver_set_edns_udp_size(made, UDP_SIZE);
	ldns_resolver_set_usevc(made, tcp);
	return made;
}

/* Takes what ldns allocated; without the line end or the dot that ldns puts behind it. */
static json_t *take_text(char *text, char behind)
{
	size_t size = text ? strlen(text) : 0;
	json_t *json;

	if (size > 1 && text[size - 1] == behind)
		text[size - 1] = '\0';
	json = json_string(text ? text : "");
	free(text);
	return json;
}

/* What stands behind the type in the text of a record. */
static json_t *data_of(const ldns_rr *rr)
{
	char *joined = NULL;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		char *field = ldns_rdf2str(ldns_rr_rdf(rr, i)), *longer = NULL;

		if (asprintf(&longer, "%s%s%s", joined ? joined : "", joined ? " " : "", field ? field : "") <
			0)
			longer = NULL;
		free(field);
		free(joined);
		joined = longer;
	}
	return take_text(joined, '\0');
}

static json_t *records(const ldns_rr_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);

		json_array_append_new(array, json_pack("{s:o, s:I, s:o, s:o}", "Name",
						     take_text(ldns_rdf2str(ldns_rr_owner(rr)), '.'), "TTL",
						     (json_int_t)ldns_rr_ttl(rr), "Type",
						     take_text(ldns_rr_type2str(ldns_rr_get_type(rr)), '\0'),
						     "Data", data_of(rr)));
	}
	return array;
}

static json_t *extended_errors(ldns_pkt *packet)
{
	const ldns_edns_option_list *options = ldns_pkt_edns_get_option_list(packet);
	json_t *array = json_array();

	for (size_t i = 0; options && i < ldns_edns_option_list_get_count(options); i++) {
		const ldns_edns_option *option = ldns_edns_option_list_get_option(options, i);
		const uint8_t *data = ldns_edns_get_data(option);
		size_t size = ldns_edns_get_size(option);
		json_t *text;

		if (ldns_edns_get_code(option) != LDNS_EDNS_EDE || size < 2)
			continue;
		text = json_stringn((const char *)data + 2, size - 2);
		json_array_append_new(array, json_pack("{s:i, s:o}", "Code", data[0] << 8 | data[1], "Text",
						     text ? text : json_string("")));
	}
	return array;
}

static json_t *flags_of(const ldns_pkt *packet)
{
	const struct {
		const char *name;
		bool set;
	} flags[] = {{"qr", ldns_pkt_qr(packet)}, {"aa", ldns_pkt_aa(packet)}, {"tc", ldns_pkt_tc(packet)},
		{"rd", ldns_pkt_rd(packet)}, {"ra", ldns_pkt_ra(packet)}};
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].set)
			json_array_append_new(array, json_string(flags[i].name));
	return array;
}

static json_t *describe(const char *name, const char *type, ldns_pkt *packet, const char *server)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:I}", "Name", name, "Type", type,
		"Status", take_text(ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet)), '\0'), "Flags",
		flags_of(packet), "Answer", records(ldns_pkt_answer(packet)), "Authority",
		records(ldns_pkt_authority(packet)), "Additional", records(ldns_pkt_additional(packet)),
		"Errors", extended_errors(packet), "Server", server, "Milliseconds",
		(json_int_t)ldns_pkt_querytime(packet));
}

int ask(struct cli *cli, const char *name, const char *type, bool tcp, json_t **ret)
{
	char server[NET_ADDR_TEXT];
	ldns_rdf *owner = ldns_dname_new_frm_str(name);
	ldns_rr_type kind = ldns_get_rr_type_by_name(type);
	ldns_resolver *to;
	ldns_pkt *packet = NULL;
	ldns_status status = LDNS_STATUS_MEM_ERR;

	net_addr_format(cli_dns(cli), server);
	if (!owner)
		return cli_fail(CLI_TROUBLE, "'%s' is not a domain name", name);
	to = resolver(cli_dns(cli), tcp);
	if (to)
		status = ldns_resolver_send(&packet, to, owner, kind, LDNS_RR_CLASS_IN, LDNS_RD);
	ldns_rdf_deep_free(owner);
	ldns_resolver_deep_free(to);
	if (status != LDNS_STATUS_OK || !packet) {
		ldns_pkt_free(packet);
		return cli_fail(CLI_TROUBLE,
			"no answer from DNS at %s (%s); is svcdnsd running? --dns=ADDRESS asks another",
			server, ldns_get_errorstr_by_id(status));
	}
	*ret = describe(name, type, packet, server);
	ldns_pkt_free(packet);
	return *ret ? 0 : cli_fail(CLI_TROUBLE, "the answer of %s cannot be shown", server);
}
