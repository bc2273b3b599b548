/* questions.c -- the rows that a reader is asked for: nodes, instances, checks, services. The whole is in
 * walk.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "registry/columns.h"
#include "registry/reader_private.h"

/* The fields of a filter, in the order of their bits and parameters. FAILING goes with a STATUS that is not
 * passing: the index of such checks is taken for its own words only. */
enum { NODE, ID, SERVICE, INSTANCE_ID, STATUS, AGENT, FAILING };

/* CROSS JOIN keeps the order of the tables, so that the filter's table is the outer one. */
static const struct {
	const char *select;
	const char *select_service; /* with a service in the filter, where that needs another order */
	const char *select_failing; /* with FAILING, and without a service */
	const char *conditions[READER_FILTERS]; /* NULL: the field says nothing about these rows */
	const char *order;
} questions[READER_QUESTIONS] = {
	[READER_NODES] =
		{
			.select = "SELECT " COLUMNS_NODE " FROM node n",
			.conditions = {[NODE] = "n.name = ?1"},
			.order = "n.name",
		},
	[READER_INSTANCES] =
		{
			.select = "SELECT " COLUMNS_INSTANCE COLUMNS_DERIVED
				  " FROM instance i" COLUMNS_DERIVED_FROM,
			.conditions = {[NODE] = "i.node = ?1",
				[ID] = "i.id = ?2",
				[SERVICE] = "i.service = ?3",
				[AGENT] = "i.agent = 1"},
			.order = "i.node, i.id",
		},
	[READER_CHECKS] =
		{
			.select = "SELECT " COLUMNS_CHECK COLUMNS_CHECK_TAGS " FROM checks c"
				  " LEFT JOIN instance i ON i.node = c.node AND i.id = c.instance_id",
			.select_service = "SELECT " COLUMNS_CHECK COLUMNS_CHECK_TAGS " FROM instance i"
					  " CROSS JOIN checks c ON c.node = i.node AND c.instance_id = i.id",
			/* Else the planner reads all checks, as they are sorted. */
			.select_failing = "SELECT " COLUMNS_CHECK COLUMNS_CHECK_TAGS
					  " FROM checks c INDEXED BY checks_failing"
					  " LEFT JOIN instance i ON i.node = c.node AND i.id = c.instance_id",
			.conditions = {[NODE] = "c.node = ?1",
				[ID] = "c.id = ?2",
				[SERVICE] = "i.service = ?3",
				[INSTANCE_ID] = "c.instance_id = ?4",
				[STATUS] = "c.status = ?5",
				[FAILING] = "c.status > 0"},
			.order = "c.node, c.id",
		},
};

static const char *select_for(enum reader_question question, unsigned fields)
{
	if (fields & 1u << SERVICE && questions[question].select_service)
		return questions[question].select_service;
	if (fields & 1u << FAILING && questions[question].select_failing)
		return questions[question].select_failing;
	return questions[question].select;
}

void reader_question_sql(enum reader_question question, unsigned fields, char *ret, size_t size)
{
	const char *word = " WHERE ";
	size_t used = (size_t)snprintf(ret, size, "%s", select_for(question, fields));

	for (unsigned i = 0; i < READER_FILTERS; i++) {
		if (!(fields & 1u << i) || !questions[question].conditions[i])
			continue;
		used += (size_t)snprintf(
			ret + used, size - used, "%s%s", word, questions[question].conditions[i]);
		word = " AND ";
	}
	snprintf(ret + used, size - used, " ORDER BY %s", questions[question].order);
}

/* The statement for a filter, bound; NULL on an error, which sticks. */
static sqlite3_stmt *ask(
	struct registry_reader *reader, enum reader_question question, const struct registry_filter *filter)
{
	static const struct registry_filter none;
	const struct registry_filter *by = filter ? filter : &none;
	unsigned fields = (by->node ? 1u << NODE : 0) | (by->id ? 1u << ID : 0) |
			  (by->service ? 1u << SERVICE : 0) | (by->instance_id ? 1u << INSTANCE_ID : 0) |
			  (by->status ? 1u << STATUS : 0) | (by->agent_only ? 1u << AGENT : 0) |
			  (by->status && *by->status != REGISTRY_PASSING ? 1u << FAILING : 0);
	sqlite3_stmt **statement = &reader->questions[question][fields];
	const char *texts[] = {by->node, by->id, by->service, by->instance_id};
	char sql[2048];

	if (!*statement) {
		reader_question_sql(question, fields, sql, sizeof(sql));
		reader->store->code = sqlite3_prepare_v3(
			reader->store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
		if (reader->store->code != SQLITE_OK)
			return NULL;
	}
	int parameters = sqlite3_bind_parameter_count(*statement);
	for (int i = 0; i < 4 && i < parameters; i++)
		sqlite3_bind_text(*statement, i + 1, texts[i], -1, SQLITE_STATIC);
	if (parameters > 4 && by->status)
		sqlite3_bind_int(*statement, 5, (int)*by->status);
	if (parameters > 5)
		sqlite3_bind_int(*statement, 6, !by->without_tags);
	return *statement;
}

int registry_reader_nodes(struct registry_reader *reader, const struct registry_filter *filter,
	struct arena *arena, const struct registry_node **ret, size_t *ret_count)
{
	struct registry_node *list = arena_alloc(arena, sizeof(*list));
	sqlite3_stmt *row = ask(reader, READER_NODES, filter);
	size_t count = 0;

	while (store_row(reader->store, row)) {
		list = arena_grow(arena, list, count, sizeof(*list));
		columns_node(row, arena, &list[count++]);
	}
	int error = reader_finish(reader);
	if (error)
		return error;
	*ret = list;
	*ret_count = count;
	return 0;
}

int registry_reader_instances(struct registry_reader *reader, const struct registry_filter *filter,
	struct arena *arena, const struct registry_instance **ret, size_t *ret_count)
{
	struct registry_instance *list = arena_alloc(arena, sizeof(*list));
	sqlite3_stmt *row = ask(reader, READER_INSTANCES, filter);
	size_t count = 0;
	int64_t before = 0;
	int worst = 0;

	while (store_row(reader->store, row)) {
		int64_t instance = sqlite3_column_int64(row, COLUMNS_ROW);
		int one = sqlite3_column_int(row, COLUMNS_ONE_CHECK);
		if (count && instance == before) { /* one more check that fails */
			worst = one > worst ? one : worst;
			columns_worst(worst, &list[count - 1]);
			continue;
		}
		list = arena_grow(arena, list, count, sizeof(*list));
		columns_instance(row, arena, count ? &list[count - 1] : NULL, &list[count]);
		count++;
		before = instance;
		worst = one;
	}
	int error = reader_finish(reader);
	if (error)
		return error;
	*ret = list;
	*ret_count = count;
	return 0;
}

int registry_reader_checks(struct registry_reader *reader, const struct registry_filter *filter,
	struct arena *arena, const struct registry_check **ret, size_t *ret_count)
{
	struct registry_check *list = arena_alloc(arena, sizeof(*list));
	sqlite3_stmt *row = ask(reader, READER_CHECKS, filter);
	size_t count = 0;

	while (store_row(reader->store, row)) {
		list = arena_grow(arena, list, count, sizeof(*list));
		columns_check(row, arena, &list[count]);
		columns_check_tags(row, arena, count ? &list[count - 1] : NULL, &list[count]);
		count++;
	}
	int error = reader_finish(reader);
	if (error)
		return error;
	*ret = list;
	*ret_count = count;
	return 0;
}

/* -- The catalog -- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the tags of a service and drops what stands twice. */
static void finish_tags(struct registry_service *service, const char **tags, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(tags, count, sizeof(*tags), compare_texts);
	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(tags[kept - 1], tags[i]))
			tags[kept++] = tags[i];
	service->tags = tags;
	service->tag_count = kept;
}

static bool has_text(const char *const *texts, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(texts[i], text))
			return true;
	return false;
}

/* Adds the tags of one more instance; most instances of a service have the same few. */
static const char **add_tags(struct arena *arena, const char **tags, size_t *count, const char *json)
{
	size_t added = 0;
	const char *const *more = columns_decode_texts(arena, json, &added);

	for (size_t i = 0; i < added; i++) {
		if (*count <= 32 && has_text(tags, *count, more[i]))
			continue;
		tags = arena_grow(arena, tags, *count, sizeof(*tags));
		tags[(*count)++] = more[i];
	}
	return tags;
}

int registry_reader_services(struct registry_reader *reader, struct arena *arena,
	const struct registry_service **ret, size_t *ret_count)
{
	struct registry_service *list = arena_alloc(arena, sizeof(*list));
	const char **tags = arena_alloc(arena, sizeof(*tags));
	size_t count = 0, tag_count = 0;
	/* Instances with the same tags are counted by the database, so that each set is read once. */
	sqlite3_stmt *row = store_query(reader->store,
		"SELECT i.service, i.tags, count(*), s.modify_index FROM instance i CROSS JOIN service s"
		" ON s.name = i.service GROUP BY i.service, i.tags ORDER BY i.service",
		"");

	while (store_row(reader->store, row)) {
		const char *name = (const char *)sqlite3_column_text(row, 0);
		if (!count || !str_ieq(list[count - 1].name, name)) {
			if (count)
				finish_tags(&list[count - 1], tags, tag_count);
			list = arena_grow(arena, list, count, sizeof(*list));
			list[count++] = (struct registry_service){.name = columns_text(row, 0, arena),
				.modify_index = (uint64_t)sqlite3_column_int64(row, 3)};
			tags = arena_alloc(arena, 4 * sizeof(*tags));
			tag_count = 0;
		}
		list[count - 1].instance_count += (size_t)sqlite3_column_int64(row, 2);
		tags = add_tags(arena, tags, &tag_count, (const char *)sqlite3_column_text(row, 1));
	}
	if (count)
		finish_tags(&list[count - 1], tags, tag_count);
	int error = reader_finish(reader);
	if (error)
		return error;
	*ret = list;
	*ret_count = count;
	return 0;
}
