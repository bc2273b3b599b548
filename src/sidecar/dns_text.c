/* dns_text.c -- see dns_text.h. */
#include "sidecar/dns_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "wire/wire.h"

#define UDP_SIZE 1232 /* that the question offers: RFC 9715 */

/* Types that no answer in one message can be asked for. */
static bool is_askable(ldns_rr_type type)
{
	return type != 0 && type != LDNS_RR_TYPE_OPT &&
	       !(type >= LDNS_RR_TYPE_TKEY && type <= LDNS_RR_TYPE_AXFR);
}

int dns_text_question(const char *name, const char *type, uint8_t ret[DNS_TEXT_QUESTION], char message[256])
{
	ldns_rr_type number = ldns_get_rr_type_by_name(type);
	uint8_t wire_name[WIRE_NAME_MAX];
	ldns_pkt *query;
	ldns_rdf *owner;
	uint8_t *bytes = NULL;
	size_t size = 0;
	int name_size = wire_name_parse(name, wire_name);

	if (name_size < 0) {
		snprintf(message, 256, "\"%.150s\" is not a domain name", name);
		return -EINVAL;
	}
	if (!is_askable(number)) {
		snprintf(message, 256, "\"%.40s\" is not a record type that can be asked for", type);
		return -EINVAL;
	}
	owner = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, (size_t)name_size, wire_name);
	query = ldns_pkt_query_new(owner, number, LDNS_RR_CLASS_IN, 0);
	ldns_pkt_set_edns_udp_size(query, UDP_SIZE);
	if (ldns_pkt2wire(&bytes, query, &size) == LDNS_STATUS_OK && size <= DNS_TEXT_QUESTION)
		memcpy(ret, bytes, size);
	else
		size = 0;
	free(bytes);
	ldns_pkt_free(query);
	if (size == 0) {
		snprintf(message, 256, "the question cannot be written");
		return -EINVAL;
	}
	return (int)size;
}

/* ldns ends a record with a line end. */
static void add_text(struct json_out *out, const char *key, char *text)
{
	if (text)
		text[strcspn(text, "\n")] = '\0';
	out_key_string(out, key, text ? text : "");
	free(text);
}

/* The data of a record as in a master file, without owner, TTL, class and type. */
static char *data_text(const ldns_rr *rr)
{
	ldns_buffer *buffer = ldns_buffer_new(256);
	char *text = NULL;
	bool good = buffer;

	for (size_t i = 0; good && i < ldns_rr_rd_count(rr); i++)
		good = (i == 0 || ldns_buffer_printf(buffer, " ") >= 0) &&
		       ldns_rdf2buffer_str(buffer, ldns_rr_rdf(rr, i)) == LDNS_STATUS_OK;
	if (good)
		text = ldns_buffer_export2str(buffer);
	ldns_buffer_free(buffer);
	return text;
}

static void add_records(struct json_out *out, const char *key, const ldns_rr_list *records)
{
	out_key(out, key);
	out_array(out);
	for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(records, i);

		out_object(out);
		add_text(out, "Name", ldns_rdf2str(ldns_rr_owner(rr)));
		add_text(out, "Type", ldns_rr_type2str(ldns_rr_get_type(rr)));
		out_key_u64(out, "TTL", ldns_rr_ttl(rr));
		add_text(out, "Data", data_text(rr));
		out_object_end(out);
	}
	out_array_end(out);
}

/* Extended DNS Errors (RFC 8914): why the answer is what it is. */
static void add_why(struct json_out *out, ldns_pkt *packet)
{
	ldns_edns_option_list *options = ldns_pkt_edns_get_option_list(packet);
	size_t count = options ? ldns_edns_option_list_get_count(options) : 0;

	out_key(out, "Why");
	out_array(out);
	for (size_t i = 0; i < count; i++) {
		const ldns_edns_option *option = ldns_edns_option_list_get_option(options, i);
		size_t size = ldns_edns_get_size(option);
		const char *data = (const char *)ldns_edns_get_data(option);

		if (ldns_edns_get_code(option) != (int)WIRE_OPTION_EDE || size <= 2)
			continue;
		char *text = strndup(data + 2, size - 2);
		out_string(out, text);
		free(text);
	}
	out_array_end(out);
}

int dns_text_answer(const uint8_t *answer, size_t size, struct json_out *out)
{
	ldns_pkt *packet = NULL;
	const ldns_rr *question;

	if (ldns_wire2pkt(&packet, answer, size) != LDNS_STATUS_OK)
		return -EBADMSG;
	question = ldns_rr_list_rr(ldns_pkt_question(packet), 0);
	out_object(out);
	add_text(out, "Name", question ? ldns_rdf2str(ldns_rr_owner(question)) : NULL);
	add_text(out, "Type", question ? ldns_rr_type2str(ldns_rr_get_type(question)) : NULL);
	add_text(out, "Status", ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet)));
	out_key_bool(out, "Authoritative", ldns_pkt_aa(packet));
	out_key_u64(out, "Size", size);
	add_records(out, "Answer", ldns_pkt_answer(packet));
	add_records(out, "Authority", ldns_pkt_authority(packet));
	add_records(out, "Additional", ldns_pkt_additional(packet));
	add_why(out, packet);
	out_object_end(out);
	ldns_pkt_free(packet);
	return 0;
}

/* Takes over ldns's word; without one, a number behind `prefix`. */
static const char *word(char *text, const char *prefix, unsigned number, char ret[DNS_TEXT_WORD])
{
	if (text && *text)
		snprintf(ret, DNS_TEXT_WORD, "%s", text);
	else
		snprintf(ret, DNS_TEXT_WORD, "%s%u", prefix, number);
	free(text);
	return ret;
}

const char *dns_text_type(uint16_t type, char ret[DNS_TEXT_WORD])
{
	return word(ldns_rr_type2str((ldns_rr_type)type), "TYPE", type, ret);
}

const char *dns_text_rcode(uint16_t rcode, char ret[DNS_TEXT_WORD])
{
	/* What ldns has no word for, or not the RFCs' and dig's. */
	const char *own = rcode == WIRE_BADVERS ? "BADVERS" : rcode == WIRE_NOTIMP ? "NOTIMP" : NULL;
	char *text = own ? strdup(own) : rcode < 16 ? ldns_pkt_rcode2str((ldns_pkt_rcode)rcode) : NULL;

	return word(text, "RCODE", rcode, ret);
}
