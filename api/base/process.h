/*
 * process - what the kernel says of this process.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/base.h"

/* Doubles, for that is what they are shown as; 0 where the kernel does not say. */
struct process {
	double cpu_s, start_s; /* used so far; when it began, since 1970 */
	double resident_bytes, virtual_bytes;
	double open_fds, max_fds, threads;
};

/* process_read - of now. source: proc(5), /proc/self/stat; getrusage(2), getrlimit(2) */
void process_read(struct process *ret_process);

#endif
