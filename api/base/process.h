/*
 * process - what the kernel reports about this process.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/base.h"

/* Doubles, as /metrics shows them; 0 where the kernel does not report the value. */
struct process {
	double cpu_s; /* CPU time used so far, user and system */
	double start_s; /* Unix time of the start */
	double resident_bytes, virtual_bytes;
	double open_fds, max_fds, threads;
};

/* process_read - reads the present values (proc(5), /proc/self/stat; getrusage(2), getrlimit(2)). */
void process_read(struct process *ret_process);

#endif
