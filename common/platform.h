/*
 * What differs between Linux, Windows and macOS, and libuv does not cover.
 * One implementation each: platform_linux*.c, platform_windows*.c,
 * platform_macos*.c; what Linux and macOS have in common is platform_posix.c.
 * Nothing else in agent/ and common/ asks which system it runs on.
 */
#ifndef MUSTER_PLATFORM_H
#define MUSTER_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

struct buf;

extern const char platform_os[];	/* "linux" "windows" "macos" */
extern const char platform_arch[];	/* "x64" "arm64", or "other" */

/* Where things live for this user: state, run, log, configuration ("state"
 * "run" "log" "config"), root's or per user (XDG, LOCALAPPDATA, Library).
 * A string that the caller frees. */
char	*platform_dir(const char *which);
int	 platform_is_admin(void);	/* root, or an elevated administrator */
int64_t	 platform_uid(void);		/* -1 on Windows */

/* The machine's stable id: /etc/machine-id, MachineGuid, IOPlatformUUID.
 * 0 or -errno; at most n bytes with the NUL. */
int	 platform_machine_id(char *out, size_t n);
/* One line for people: "Debian GNU/Linux 12 (bookworm), Linux 6.1". */
int	 platform_os_name(char *out, size_t n);
/* Boot id, changing with each boot, or "". */
void	 platform_boot_id(char out[40]);
/* Start time of a process in a unit that only serves comparison; 0: no
 * such process (a zombie counts as none). */
int64_t	 platform_process_start(int64_t pid);
/* Makes a directory private to its owner (mode 0700, an ACL on Windows);
 * made where missing.  0 or -errno. */
int	 platform_private_dir(const char *path);
/* The peer of a connected Unix socket: 0, or -ENOTSUP. */
int	 platform_peer_cred(int fd, int64_t *uid, int64_t *pid);
/* Whether the peer of a connected Unix socket or named pipe has closed it and
 * hears no answer; 0 where the system does not tell. */
int	 platform_peer_gone(int fd);
/* Has the kernel copy up to n bytes of a file, from off on, to a socket that
 * does not block.  *sent is how many went: 0 at the file's end.  0, -EAGAIN,
 * -ENOTSUP where this system or this file cannot, or -errno. */
int	 platform_sendfile(int to, int from, uint64_t off, size_t n,
	    size_t *sent);
/* From on to off only full packets leave, where the system can (tcp(7),
 * TCP_CORK). */
void	 platform_cork(int fd, int on);

/* Calls late() in so many seconds, unless it is called again before; 0: not
 * at all.  It is to end the process and may do what a signal handler may. */
void	 platform_alarm(unsigned seconds, void (*late)(int));

/*
 * Makes this process one that the agent started and will end: it does not
 * heed the signals that a terminal or an init system sends to all, it dies
 * with its parent where the system can say so, and its name is shown.
 */
void	 platform_become_part(const char *name);
/* Refuses this process further private memory past so many bytes, where the
 * system can. */
void	 platform_limit_memory(int64_t bytes);
/* What a process of ours has used and holds: 0, or -errno. */
int	 platform_process_cost(int64_t pid, int64_t *cpu_us, int64_t *rss);
/* The file that this process runs, even where another has taken its name
 * meanwhile and the system can say so: 0 or -errno. */
int	 platform_self_path(char *out, size_t n);

/* The first n bytes of an open file as memory, shared with whoever else maps
 * it, to be read or (write) changed; NULL with errno. */
void	*platform_map(int fd, size_t n, int write);
void	 platform_unmap(void *, size_t n);

/* Where this program is installed, even if another file is there by now; the
 * caller frees, NULL where it cannot be told. */
char	*platform_program(void);
/* Becomes the program that is installed there now; comes back only where
 * that cannot be (on Windows always), with -errno. */
int	 platform_exec_program(char **argv);
/* The service unit that systemd started us in, "muster-agent.service", freed
 * by the caller, NULL for none; *user: one of a user's own manager. */
char	*platform_unit(int *user);

/* A whole-file lock held by the descriptor: 0, -EWOULDBLOCK or -errno. */
int	 platform_lock(int fd, int shared, int wait);
/* Whether anyone holds a lock that would refuse ours: 1, 0 or -errno. */
int	 platform_lock_held(int fd);
/* The lock of flock(2), and that of fcntl(2) on the whole file, as flock(1)
 * takes them; the three do not see each other on Linux, but what others lock
 * whole by fcntl(2) holds ours.  Elsewhere they are ours. */
int	 platform_flock(int fd, int shared, int wait);
int	 platform_lock_whole(int fd, int shared, int wait);
int	 platform_unlock(int fd);	/* all of them; 0 or -errno */

/* Counters since boot and present values for the telemetry module; a value
 * that the system does not have is -1. */
struct platform_sample {
	/* ticks of unspecified length, all CPUs together */
	int64_t	cpu_total, cpu_idle, cpu_user, cpu_system, cpu_iowait,
		cpu_steal;
	int	cpus;
	int64_t	mem_total, mem_available, swap_total, swap_free; /* bytes */
	/* Bytes of the root file system; free is what users may take, so
	 * used + free is less than total where some is kept for root. */
	int64_t	disk_total, disk_used, disk_free;
	int64_t	disk_read, disk_written; /* bytes */
	int64_t	net_received, net_sent;	/* bytes, without loopback */
	double	load[3];		/* -1 where there is none */
	int64_t	processes, uptime_s;
	double	pressure_cpu, pressure_memory, pressure_io; /* "some" avg10 % */
	int64_t	self_rss;		/* bytes */
	int64_t	self_cpu_us;		/* user and system */
};

/* Nothing known yet: each value -1, in the order above. */
#define PLATFORM_SAMPLE_NONE						\
	{ -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, \
	  -1, -1, { -1, -1, -1 }, -1, -1, -1, -1, -1, -1, -1 }

/* 0 or -errno.  Keeps its descriptors open and allocates nothing after the
 * first call. */
int	 platform_sample(struct platform_sample *);

#endif
