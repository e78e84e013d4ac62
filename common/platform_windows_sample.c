/* Windows: the sample.  It reads counters by system calls alone; GetIfTable2
 * is the one that allocates, and it is freed at once. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <psapi.h>
#include <winioctl.h>
#include <wchar.h>

#include "log.h"
#include "platform.h"
#include "platform_windows.h"

enum { MAX_DISKS = 16 };	/* physical drives that are counted */

static void
sample_cpu(struct platform_sample *s)
{
	FILETIME	idle, kernel, user;

	if (!GetSystemTimes(&idle, &kernel, &user))
		return;
	s->cpu_idle = windows_ticks(idle);
	s->cpu_user = windows_ticks(user);
	/* the kernel's counts idle */
	s->cpu_system = windows_ticks(kernel) - s->cpu_idle;
	s->cpu_total = windows_ticks(kernel) + s->cpu_user;
	s->cpus = (int)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
}

static BOOL CALLBACK
add_page_file(void *arg, ENUM_PAGE_FILE_INFORMATION *info, LPCWSTR name)
{
	struct platform_sample	*s = arg;

	(void)name;		/* in pages, until all are added */
	s->swap_total += (int64_t)info->TotalSize;
	s->swap_free += (int64_t)(info->TotalSize - info->TotalInUse);
	return TRUE;
}

static void
sample_memory(struct platform_sample *s)
{
	MEMORYSTATUSEX	m = { .dwLength = sizeof(m) };
	SYSTEM_INFO	info;

	if (GlobalMemoryStatusEx(&m)) {
		s->mem_total = (int64_t)m.ullTotalPhys;
		s->mem_available = (int64_t)m.ullAvailPhys;
	}
	GetSystemInfo(&info);
	s->swap_total = s->swap_free = 0;
	if (!EnumPageFilesW(add_page_file, s)) {
		s->swap_total = s->swap_free = -1;
		return;
	}
	s->swap_total *= (int64_t)info.dwPageSize;
	s->swap_free *= (int64_t)info.dwPageSize;
}

/* The volume of the system directory. */
static void
sample_volume(struct platform_sample *s)
{
	wchar_t		path[MAX_PATH];
	ULARGE_INTEGER	available, total, unused;
	UINT		n = GetSystemWindowsDirectoryW(path, nitems(path));

	if (n < 3 || n >= nitems(path))
		return;
	path[3] = L'\0';		/* "C:\" */
	if (!GetDiskFreeSpaceExW(path, &available, &total, &unused))
		return;
	s->disk_total = (int64_t)total.QuadPart;
	s->disk_used = (int64_t)(total.QuadPart - unused.QuadPart);
	s->disk_free = (int64_t)available.QuadPart;
}

/* Physical drives, opened once; asking needs no right to read them. */
static void
sample_disks(struct platform_sample *s)
{
	static HANDLE		disks[MAX_DISKS];
	static int		opened;
	DISK_PERFORMANCE	p;
	wchar_t			name[32];
	DWORD			n;
	int			i;

	for (i = 0; !opened && i < MAX_DISKS; i++) {
		swprintf(name, nitems(name), L"\\\\.\\PhysicalDrive%d", i);
		disks[i] = CreateFileW(name, 0, FILE_SHARE_READ |
		    FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
	}
	opened = 1;
	for (i = 0; i < MAX_DISKS; i++) {
		if (disks[i] == INVALID_HANDLE_VALUE ||
		    !DeviceIoControl(disks[i], IOCTL_DISK_PERFORMANCE, NULL,
		    0, &p, sizeof(p), &n, NULL))
			continue;
		if (s->disk_read < 0)
			s->disk_read = s->disk_written = 0;
		s->disk_read += p.BytesRead.QuadPart;
		s->disk_written += p.BytesWritten.QuadPart;
	}
}

/* Filters repeat the counters of the interface that they sit on. */
static void
sample_net(struct platform_sample *s)
{
	MIB_IF_TABLE2	*t = NULL;
	MIB_IF_ROW2	*r;
	ULONG		 i;

	if (GetIfTable2(&t) != NO_ERROR)
		return;
	s->net_received = s->net_sent = 0;
	for (i = 0; i < t->NumEntries; i++) {
		r = &t->Table[i];
		if (r->Type == IF_TYPE_SOFTWARE_LOOPBACK ||
		    r->InterfaceAndOperStatusFlags.FilterInterface)
			continue;
		s->net_received += (int64_t)r->InOctets;
		s->net_sent += (int64_t)r->OutOctets;
	}
	FreeMibTable(t);
}

static void
sample_self(struct platform_sample *s)
{
	PROCESS_MEMORY_COUNTERS	m;
	FILETIME		created, ended, kernel, user;
	HANDLE			self = GetCurrentProcess();

	if (GetProcessMemoryInfo(self, &m, sizeof(m)))
		s->self_rss = (int64_t)m.WorkingSetSize;
	if (GetProcessTimes(self, &created, &ended, &kernel, &user))
		s->self_cpu_us = (windows_ticks(kernel) +
		    windows_ticks(user)) / 10;
}

int
platform_sample(struct platform_sample *s)
{
	PERFORMANCE_INFORMATION	p;

	*s = (struct platform_sample)PLATFORM_SAMPLE_NONE;
	sample_cpu(s);
	sample_memory(s);
	sample_volume(s);
	sample_disks(s);
	sample_net(s);
	sample_self(s);
	if (GetPerformanceInfo(&p, sizeof(p)))
		s->processes = p.ProcessCount;
	s->uptime_s = (int64_t)(GetTickCount64() / 1000);
	return s->cpu_total < 0 ? windows_last_error() : 0;
}
