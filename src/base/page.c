#include "base/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

/* Where the rings stand in the file. Both are mapped by themselves. */
#define TRACES_AT ((sizeof(struct page) + 65535) / 65536 * 65536)

int page_create(int *ret_writable, int *ret_readable)
{
	int writable, readable, r;
	char path[32];

	writable = memfd_create("svcdns-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (writable < 0)
		return -errno;
	/* The size is sealed, so that neither side can pull the page away from under the other (SIGBUS). */
	if (ftruncate(writable, TRACES_AT + sizeof(struct page_traces)) < 0 ||
		fcntl(writable, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		r = -errno;
		goto fail;
	}
	/* A second open file on the same memory: dup() would share the permission to write. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
	readable = open(path, O_RDONLY | O_CLOEXEC);
	if (readable < 0) {
		r = -errno;
		goto fail;
	}
	*ret_writable = writable;
	*ret_readable = readable;
	return 0;

fail:
	close(writable);
	return r;
}

static int map(int fd, bool writable, size_t at, size_t size, void **ret)
{
	struct stat st;
	void *memory;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)(at + size))
		return -EINVAL;
	memory = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, (off_t)at);
	if (memory == MAP_FAILED)
		return -errno;
	*ret = memory;
	return 0;
}

int page_map(int fd, bool writable, struct page **ret)
{
	void *page = NULL;
	int r = map(fd, writable, 0, sizeof(struct page), &page);

	if (r == 0)
		*ret = page;
	return r;
}

int page_map_traces(int fd, bool writable, struct page_traces **ret)
{
	void *traces = NULL;
	int r = map(fd, writable, TRACES_AT, sizeof(struct page_traces), &traces);

	if (r == 0)
		*ret = traces;
	return r;
}

void page_unmap_traces(const struct page_traces *traces)
{
	if (traces)
		munmap((void *)(uintptr_t)traces, sizeof(*traces));
}

void page_unmap(const struct page *page)
{
	if (page)
		munmap((void *)(uintptr_t)page, sizeof(*page));
}

void page_reset(struct page *page)
{
	size_t i, id;

	atomic_store(&page->state, PAGE_DOWN);
	atomic_store(&page->pid, 0);
	atomic_store(&page->index, 0);
	atomic_store(&page->zone_count, 0);
	for (i = 0; i < PAGE_COMMITS; i++)
		atomic_store(&page->commits[i].index, 0);
	atomic_store(&page->listeners, 0);
	for (i = 0; i < PAGE_THREADS; i++) {
		struct page_thread *thread = &page->threads[i];

		atomic_store(&thread->tick, 0);
		atomic_store(&thread->patience, 0);
		for (id = 0; id < METRIC_COUNT; id++)
			if (metrics_is_gauge((enum metric)id))
				metrics_set(&thread->metrics, (enum metric)id, 0);
	}
}

/* The index is written last and looked at twice, so nobody takes the time of one commit for that of another.
 */
void page_note_commit(struct page *page, uint64_t index, int64_t now_ns)
{
	struct page_commit *commit = &page->commits[atomic_fetch_add(&page->commit_count, 1) % PAGE_COMMITS];

	atomic_store(&commit->index, 0);
	atomic_store(&commit->at_ns, now_ns);
	atomic_store(&commit->index, index);
}

size_t page_commits(const struct page *page, uint64_t after, uint64_t until, int64_t ret_at_ns[PAGE_COMMITS])
{
	size_t count = 0;

	for (size_t i = 0; i < PAGE_COMMITS; i++) {
		uint64_t index = atomic_load(&page->commits[i].index);
		int64_t at_ns = atomic_load(&page->commits[i].at_ns);

		if (index > after && index <= until && atomic_load(&page->commits[i].index) == index)
			ret_at_ns[count++] = at_ns;
	}
	return count;
}

void page_set_zone(struct page *page, size_t i, const char *name, uint32_t serial)
{
	uint64_t words[PAGE_ZONE_NAME / 8] = {0};

	str_copy((char *)words, sizeof(words), name);
	for (size_t k = 0; k < PAGE_ZONE_NAME / 8; k++)
		atomic_store_explicit(&page->zones[i].name[k], words[k], memory_order_relaxed);
	atomic_store_explicit(&page->zones[i].serial, serial, memory_order_relaxed);
}

uint32_t page_get_zone(const struct page *page, size_t i, char ret_name[PAGE_ZONE_NAME])
{
	for (size_t k = 0; k < PAGE_ZONE_NAME / 8; k++) {
		uint64_t word = atomic_load_explicit(&page->zones[i].name[k], memory_order_relaxed);

		memcpy(ret_name + 8 * k, &word, 8);
	}
	ret_name[PAGE_ZONE_NAME - 1] = '\0';
	return atomic_load_explicit(&page->zones[i].serial, memory_order_relaxed);
}

void page_sum(const struct page *page, uint64_t totals[METRIC_COUNT])
{
	size_t i, id;

	for (i = 0; i < PAGE_THREADS; i++)
		for (id = 0; id < METRIC_COUNT; id++)
			totals[id] += atomic_load_explicit(
				&page->threads[i].metrics.values[id], memory_order_relaxed);
}
