/* platform.h on Windows, for 0120-platform-windows.t: under Wine the machine
 * below it is known, and comes in as arguments: DIR MEMORY CPUS. */
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <windows.h>

#include "buf.h"
#include "platform.h"
#include "tap.h"

static void
test_lock(const char *dir)
{
	char	*path = xasprintf("%s\\lock", dir), text[8] = "";
	int	 a = _open(path, _O_RDWR | _O_CREAT | _O_BINARY, 0600);
	int	 b = _open(path, _O_RDWR | _O_BINARY);

	is_int("free", platform_lock_held(b), 0);
	is_int("taken", platform_lock(a, 0, 0), 0);
	is_int("held, seen by another", platform_lock_held(b), 1);
	is_int("another is refused", platform_lock(b, 0, 0), -EWOULDBLOCK);
	is_int("the holder writes", _write(a, "record", 6), 6);
	is_int("another reads it", _read(b, text, 6), 6);
	is_str("all of it", text, "record");
	_close(a);
	is_int("free when the holder is gone", platform_lock_held(b), 0);
	is_int("no such descriptor", platform_lock(999, 0, 0), -EBADF);
	_close(b);
	free(path);
}

static void
test_private_dir(const char *dir)
{
	char	*deep = xasprintf("%s\\a\\b", dir);
	char	*there = xasprintf("%s\\a", dir);
	char	*file = xasprintf("%s\\lock", dir);

	is_int("made with those above it", platform_private_dir(deep), 0);
	is_int("one that is there", platform_private_dir(there), 0);
	is_int("a file is refused", platform_private_dir(file), -ENOTDIR);
	free(deep);
	free(there);
	free(file);
}

static void
test_identity(void)
{
	char	text[200];
	int64_t	start = platform_process_start(GetCurrentProcessId());

	is_int("machine id", platform_machine_id(text, sizeof(text)), 0);
	is_int("which is a GUID", strspn(text, "0123456789abcdef-"), 36);
	is_int("too small a place for it", platform_machine_id(text, 8),
	    -ERANGE);
	is_int("name of the system", platform_os_name(text, sizeof(text)), 0);
	ok("which is a Windows", strstr(text, "Windows") != NULL);
	ok("own start", start > 0);
	is_int("the same again",
	    platform_process_start(GetCurrentProcessId()), start);
	is_int("no such process", platform_process_start(0x7ffffffc), 0);
	ok("a directory", strstr(platform_dir("state"), "\\muster") != NULL);
}

static void
test_sample(int64_t memory, int cpus)
{
	struct platform_sample	s, later;
	volatile unsigned	x = 0;

	is_int("sample", platform_sample(&s), 0);
	ok("memory", llabs(s.mem_total - memory) < 1 << 20);
	ok("available memory", s.mem_available > 0 &&
	    s.mem_available <= s.mem_total);
	is_int("cpus", s.cpus, cpus);
	ok("the parts make the total", s.cpu_idle + s.cpu_user +
	    s.cpu_system == s.cpu_total);
	ok("the volume", s.disk_total > 0 && s.disk_used > 0 &&
	    s.disk_used + s.disk_free <= s.disk_total);
	ok("no load average", s.load[0] < 0);
	ok("processes", s.processes > 0);
	do {
		x = x + 1;
		platform_sample(&later);
	} while (later.self_cpu_us < s.self_cpu_us + 50000);
	ok("own time goes on", later.self_cpu_us > s.self_cpu_us);
	ok("own memory", later.self_rss > 100000);
	ok("uptime", later.uptime_s >= s.uptime_s && s.uptime_s > 0);
}

int
main(int argc, char **argv)
{
	if (argc != 4)
		return 100;
	_setmode(1, _O_BINARY);
	test_lock(argv[1]);
	test_private_dir(argv[1]);
	test_identity();
	test_sample(strtoll(argv[2], NULL, 10), atoi(argv[3]));
	return done();
}
