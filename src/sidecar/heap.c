/* heap.c -- sift up, sift down. */
#include "sidecar/heap.h"

#include <stdlib.h>

static void place(struct heap *heap, size_t at, struct heap_node *node)
{
	heap->nodes[at] = node;
	node->at = at + 1;
}

static void sift_up(struct heap *heap, size_t at)
{
	struct heap_node *node = heap->nodes[at];

	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (heap->nodes[parent]->key <= node->key)
			break;
		place(heap, at, heap->nodes[parent]);
		at = parent;
	}
	place(heap, at, node);
}

static void sift_down(struct heap *heap, size_t at)
{
	struct heap_node *node = heap->nodes[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && heap->nodes[child + 1]->key < heap->nodes[child]->key)
			child++;
		if (node->key <= heap->nodes[child]->key)
			break;
		place(heap, at, heap->nodes[child]);
		at = child;
	}
	place(heap, at, node);
}

void heap_finish(struct heap *heap)
{
	free(heap->nodes);
	*heap = (struct heap){0};
}

void heap_put(struct heap *heap, struct heap_node *node, uint64_t key)
{
	if (heap->count == heap->capacity) {
		size_t capacity = heap->capacity ? 2 * heap->capacity : 64;
		struct heap_node **nodes = reallocarray(heap->nodes, capacity, sizeof(void *));

		if (!nodes)
			abort();
		heap->nodes = nodes;
		heap->capacity = capacity;
	}
	node->key = key;
	place(heap, heap->count++, node);
	sift_up(heap, heap->count - 1);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t at = node->at - 1;
	struct heap_node *last;

	if (!heap_holds(node))
		return;
	node->at = 0;
	last = heap->nodes[--heap->count];
	if (last == node)
		return;
	place(heap, at, last);
	sift_up(heap, at);
	sift_down(heap, last->at - 1);
}
