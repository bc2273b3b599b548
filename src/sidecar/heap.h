/* heap.h -- a binary min-heap whose nodes live in what they order.
 *
 * Private to the sidecar room: blocking queries by deadline, held replies by index. Everything runs on the
 * loop's thread. A node is in at most one heap at a time; a zeroed node is in none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t key;
	size_t at; /* place in the heap + 1; 0 means: in no heap */
};

struct heap {
	struct heap_node **nodes;
	size_t count, capacity;
};

/* Frees the array (not the nodes) and makes the heap empty. A zeroed struct is a valid empty heap. */
void heap_finish(struct heap *heap);

/* Puts `node`, which must be in no heap, under `key`. */
void heap_put(struct heap *heap, struct heap_node *node, uint64_t key);

/* Takes `node` out; a node that is in no heap is left alone. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* The node with the smallest key, NULL if the heap is empty. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count > 0 ? heap->nodes[0] : NULL;
}

/* True if the node is in a heap. */
static inline bool heap_holds(const struct heap_node *node)
{
	return node->at != 0;
}
