#include "base/process.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double
now_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * The start as Unix time. Computed once: when somebody sets the clock, that must not look like a
 * restart. btime of /proc/stat would do, but systemd's ProcSubset=pid hides it.
 */
static double
start_time(double after_boot_s)
{
	static int64_t first_ms;
	int64_t none = 0, ms = (int64_t)(1000 * (now_s(CLOCK_REALTIME) - now_s(CLOCK_BOOTTIME) +
						    after_boot_s));

	if (!__atomic_compare_exchange_n(
		&first_ms, &none, ms, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		ms = none; /* the failed exchange stored the first value there */
	return (double)ms / 1000;
}

/* Fields 20: threads, 22: start in ticks since boot, 23: virtual bytes, 24: resident pages. */
static void
read_stat(struct process *p)
{
	unsigned long long start, virtual_bytes;
	FILE *f = fopen("/proc/self/stat", "re");
	char line[1024] = "", *name_end;
	long threads, pages;

	if (f == NULL)
		return;
	/* Field 2, the name in parentheses, may hold blanks and parentheses: start after the last ')'. */
	if (fgets(line, sizeof(line), f) != NULL && (name_end = strrchr(line, ')')) != NULL &&
	    sscanf(name_end + 1,
		" %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %*s %llu "
		"%llu %ld",
		&threads, &start, &virtual_bytes, &pages) == 4) {
		p->threads = (double)threads;
		p->start_s = start_time((double)start / (double)sysconf(_SC_CLK_TCK));
		p->virtual_bytes = (double)virtual_bytes;
		p->resident_bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
	}
	fclose(f);
}

static double
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	int n = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n - 1; /* without opendir's own */
}

void
process_read(struct process *ret_process)
{
	struct process p = { .cpu_s = 0 };
	struct rusage used;
	struct rlimit files;

	if (getrusage(RUSAGE_SELF, &used) == 0)
		p.cpu_s = seconds(used.ru_utime) + seconds(used.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		p.max_fds = (double)files.rlim_cur;
	read_stat(&p);
	p.open_fds = count_fds();
	*ret_process = p;
}
