/* bench_echo.h -- what the kernel takes for a UDP packet that is answered without any thought. */
#pragma once

#include <stddef.h>

struct bench_echo {
	double server_ns; /* CPU time of the answering thread for each packet, user and kernel */
	double wall_ns;
	unsigned long packets;
};

/* Echoes `packets` packets of `query_size` bytes as answers of `answer_size` bytes over loopback, in batches
 * of up to 32 by recvmmsg and sendmmsg. 0 or negative errno. */
int bench_echo_run(unsigned long packets, size_t query_size, size_t answer_size, struct bench_echo *ret);
