/* ask.c -- see ask.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ask.h"

struct ask *ask_create(struct view *view)
{
	struct ask *ask = calloc(1, sizeof *ask);

	if (!ask)
		abort();
	ask->view = view;
	ask->context = (struct dns_context){
		.view = view, .nsid = "n1", .udp_size = 1232, .keepalive = 100, .metrics = &ask->metrics};
	return ask;
}

void ask_destroy(struct ask *ask)
{
	reply_finish(&ask->reply);
	free(ask);
}

const char *ask_again(struct ask *ask)
{
	size_t capacity = ask->capacity ? ask->capacity : ask->source.tcp ? 65535 : 1232;
	uint8_t *query = malloc(ask->query_size ? ask->query_size : 1), *answer = malloc(capacity);
	const char *wrong;

	assert_non_null(query);
	assert_non_null(answer);
	memcpy(query, ask->query, ask->query_size);
	memset(answer, 0xEE, capacity);
	struct dns_message message = {.source = ask->source,
		.query = query,
		.query_size = ask->query_size,
		.answer = answer,
		.capacity = capacity};
	dns_respond(&ask->context, &message, 1);
	ask->answer_size = message.answer_size;
	assert_true(ask->answer_size <= capacity);
	if (!ask->source.tcp)
		assert_true(ask->answer_size <= 1232);
	assert_memory_equal(query, ask->query, ask->query_size);
	memcpy(ask->answer, answer, ask->answer_size);
	free(query);
	free(answer);
	reply_finish(&ask->reply);
	if (ask->quick) {
		ask->reply.truncated = (ask->answer[2] & 2) != 0;
		for (unsigned i = 0; i < 4; i++)
			ask->reply.counts[i] = wire_get16(ask->answer + 4 + 2 * i);
		return ask->reply.text;
	}
	wrong = reply_read(ask->query, ask->query_size, ask->answer, ask->answer_size, &ask->reply);
	if (wrong)
		fail_msg("the reply is wrong: %s", wrong);
	if (!ask->source.tcp && !ask->reply.opt)
		assert_true(ask->answer_size <= 512);
	return ask->reply.text;
}

const char *ask_packet(struct ask *ask, const char *text)
{
	ask->query_size = packet_parse(text, ask->query, sizeof ask->query);
	return ask_again(ask);
}

const char *ask_name(struct ask *ask, const char *name, uint16_t type, uint16_t edns_size)
{
	char text[1500];

	snprintf(text, sizeof text, "1234 0000 0001 0000 0000 000%d <%s> %04x 0001", edns_size != 0, name,
		type);
	if (edns_size)
		snprintf(text + strlen(text), sizeof text - strlen(text), " 00 0029 %04x 00000000 0000",
			edns_size);
	return ask_packet(ask, text);
}

ldns_rr_list *ask_answers(const struct ask *ask)
{
	return ldns_pkt_answer(ask->reply.packet);
}
