/*
 * Windows 8 and later: Win32 directly.  Paths inside are UTF-16, outside
 * UTF-8, as libuv has them.  A sample reads counters by system calls alone;
 * GetIfTable2 is the one that allocates, and it is freed at once.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <aclapi.h>
#include <iphlpapi.h>
#include <netioapi.h>
#include <psapi.h>
#include <sddl.h>
#include <shlobj.h>
#include <winioctl.h>
#include <errno.h>
#include <io.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "log.h"
#include "platform.h"

const char	platform_os[] = "windows";
#if defined(__x86_64__)
const char	platform_arch[] = "x64";
#elif defined(__aarch64__)
const char	platform_arch[] = "arm64";
#else
const char	platform_arch[] = "other";	/* document 000 names two */
#endif

enum {
	WIDE_PATH	= 1024,	/* UTF-16 units of a path here */
	MAX_DISKS	= 16	/* physical drives that are counted */
};

/* Locks here are mandatory: one byte far behind any content is locked, so
 * that the record at the start stays readable. */
#define LOCK_OFFSET_HIGH	0x7fffffff

static int
windows_error(DWORD e)
{
	int	rc = uv_translate_sys_error((int)e);

	return rc < 0 ? rc : -EIO;
}

static int
last_error(void)
{
	return windows_error(GetLastError());
}

static int
to_wide(const char *s, wchar_t *out, int n)
{
	return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s, -1, out,
	    n) > 0 ? 0 : -ENAMETOOLONG;
}

static int
from_wide(const wchar_t *s, char *out, size_t n)
{
	return WideCharToMultiByte(CP_UTF8, 0, s, -1, out, (int)n, NULL,
	    NULL) > 0 ? 0 : -ERANGE;
}

/* -- where things live -- */

static const struct place {
	const char	*which, *tail;
} places[] = {
	{ "state", "muster" },
	{ "run", "muster\\run" },
	{ "log", "muster\\log" },
	{ "config", "muster\\config" }
};

/* From the system and not from the environment, which belongs to whoever
 * started us. */
char *
platform_dir(const char *which)
{
	const struct place	*p = places;
	wchar_t			 wide[MAX_PATH];
	char			 base[3 * MAX_PATH];

	while (strcmp(p->which, which) != 0)
		if (++p == places + nitems(places))
			die(EXIT_BUG, "platform_dir: %s", which);
	if (SHGetFolderPathW(NULL, platform_is_admin() ?
	    CSIDL_COMMON_APPDATA : CSIDL_LOCAL_APPDATA, NULL, 0, wide) !=
	    S_OK || from_wide(wide, base, sizeof(base)) < 0)
		die(EXIT_SYSTEM, "no directory for application data");
	return xasprintf("%s\\%s", base, p->tail);
}

int
platform_is_admin(void)
{
	SID_IDENTIFIER_AUTHORITY	nt = { SECURITY_NT_AUTHORITY };
	PSID				admins = NULL;
	BOOL				member = FALSE;

	if (!AllocateAndInitializeSid(&nt, 2, SECURITY_BUILTIN_DOMAIN_RID,
	    DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0, &admins))
		return 0;
	if (!CheckTokenMembership(NULL, admins, &member))
		member = FALSE;
	FreeSid(admins);
	return member != FALSE;
}

int64_t
platform_uid(void)
{
	return -1;
}

/* -- private directories -- */

/* The directories above path. */
static void
make_parents(wchar_t *path)
{
	wchar_t	*p, c;

	for (p = path; *p != L'\0'; p++) {
		if ((*p != L'\\' && *p != L'/') || p == path)
			continue;
		c = *p;
		*p = L'\0';
		CreateDirectoryW(path, NULL);	/* or the last one says */
		*p = c;
	}
}

/* The user of this process, which the caller frees. */
static int
own_user(TOKEN_USER **user)
{
	HANDLE	token;
	DWORD	n = 0;
	int	rc = 0;

	*user = NULL;
	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
		return last_error();
	GetTokenInformation(token, TokenUser, NULL, 0, &n);
	*user = xmalloc(n);
	if (!GetTokenInformation(token, TokenUser, *user, n, &n))
		rc = last_error();
	CloseHandle(token);
	return rc;
}

/* Full access for SYSTEM, administrators and us, for all below it too, and
 * nothing inherited from above.  LocalFree() frees it. */
static int
private_descriptor(PSID us, PSECURITY_DESCRIPTOR *sd)
{
	wchar_t	*sid = NULL, sddl[512];
	int	 rc = 0;

	if (!ConvertSidToStringSidW(us, &sid))
		return last_error();
	swprintf(sddl, nitems(sddl), L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
	    L"(A;OICI;FA;;;%ls)", sid);
	LocalFree(sid);
	if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl,
	    SDDL_REVISION_1, sd, NULL))
		rc = last_error();
	return rc;
}

/* Ours, or of those who may do anything anyway. */
static int
owner_is_trusted(wchar_t *path, PSID us)
{
	PSECURITY_DESCRIPTOR	sd = NULL;
	PSID			owner = NULL;
	int			trusted;

	if (GetNamedSecurityInfoW(path, SE_FILE_OBJECT,
	    OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &sd) !=
	    ERROR_SUCCESS)
		return 0;
	trusted = EqualSid(owner, us) ||
	    IsWellKnownSid(owner, WinBuiltinAdministratorsSid) ||
	    IsWellKnownSid(owner, WinLocalSystemSid);
	LocalFree(sd);
	return trusted;
}

/* One that is there already; what lies in it inherits anew. */
static int
close_off(wchar_t *path, PSID us, PSECURITY_DESCRIPTOR sd)
{
	DWORD	attributes = GetFileAttributesW(path), e;
	BOOL	present, defaulted;
	PACL	acl;

	if (attributes == INVALID_FILE_ATTRIBUTES)
		return last_error();
	if (!(attributes & FILE_ATTRIBUTE_DIRECTORY) ||
	    attributes & FILE_ATTRIBUTE_REPARSE_POINT)
		return -ENOTDIR;
	if (!owner_is_trusted(path, us))
		return -EPERM;
	if (!GetSecurityDescriptorDacl(sd, &present, &acl, &defaulted))
		return last_error();
	e = SetNamedSecurityInfoW(path, SE_FILE_OBJECT,
	    DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
	    NULL, NULL, acl, NULL);
	return e == ERROR_SUCCESS ? 0 : windows_error(e);
}

/* Private from its first instant where it is made here. */
int
platform_private_dir(const char *path)
{
	SECURITY_ATTRIBUTES	 sa = { .nLength = sizeof(sa) };
	PSECURITY_DESCRIPTOR	 sd = NULL;
	TOKEN_USER		*user = NULL;
	wchar_t			 wide[WIDE_PATH];
	int			 rc;

	if ((rc = to_wide(path, wide, nitems(wide))) < 0 ||
	    (rc = own_user(&user)) < 0 ||
	    (rc = private_descriptor(user->User.Sid, &sd)) < 0)
		goto out;
	make_parents(wide);
	sa.lpSecurityDescriptor = sd;
	if (CreateDirectoryW(wide, &sa))
		goto out;
	rc = GetLastError() == ERROR_ALREADY_EXISTS ?
	    close_off(wide, user->User.Sid, sd) : last_error();
out:
	LocalFree(sd);
	free(user);
	return rc;
}

/* -- who we are -- */

static int
registry_text(const wchar_t *key, const wchar_t *value, char *out, size_t n)
{
	wchar_t	wide[256];
	DWORD	size = sizeof(wide);
	LSTATUS	e = RegGetValueW(HKEY_LOCAL_MACHINE, key, value,
		    RRF_RT_REG_SZ, NULL, wide, &size);

	if (e != ERROR_SUCCESS)
		return windows_error((DWORD)e);
	return from_wide(wide, out, n);
}

int
platform_machine_id(char *out, size_t n)
{
	return registry_text(L"SOFTWARE\\Microsoft\\Cryptography",
	    L"MachineGuid", out, n);
}

/* GetVersionEx tells the version that our manifest asks for; this the real
 * one.  From build 22000 on it is Windows 11, whatever the registry says. */
int
platform_os_name(char *out, size_t n)
{
	LONG			(WINAPI *version)(OSVERSIONINFOW *) = NULL;
	OSVERSIONINFOW		 v = { .dwOSVersionInfoSize = sizeof(v) };
	HMODULE			 ntdll = GetModuleHandleW(L"ntdll.dll");
	FARPROC			 f = NULL;
	char			 name[128], *ten;

	if (ntdll != NULL)
		f = GetProcAddress(ntdll, "RtlGetVersion");
	if (f == NULL)
		return -ENOSYS;
	memcpy(&version, &f, sizeof(version));
	version(&v);
	if (registry_text(L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion",
	    L"ProductName", name, sizeof(name)) < 0)
		snprintf(name, sizeof(name), "Windows");
	ten = strstr(name, "Windows 10");
	if (ten != NULL && v.dwBuildNumber >= 22000)
		ten[9] = '1';
	snprintf(out, n, "%s, Windows NT %lu.%lu.%lu", name, v.dwMajorVersion,
	    v.dwMinorVersion, v.dwBuildNumber);
	return 0;
}

/* Counted by the boot loader; absent where prefetching was never on. */
void
platform_boot_id(char out[40])
{
	DWORD	id = 0, size = sizeof(id);

	out[0] = '\0';
	if (RegGetValueW(HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\"
	    L"Control\\Session Manager\\Memory Management\\"
	    L"PrefetchParameters", L"BootId", RRF_RT_REG_DWORD, NULL, &id,
	    &size) == ERROR_SUCCESS)
		snprintf(out, 40, "boot-%lu", id);
}

static int64_t
ticks_of(FILETIME t)
{
	return (int64_t)((uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime);
}

/* One that has ended still has a record while somebody holds a handle. */
int64_t
platform_process_start(int64_t pid)
{
	FILETIME	created, ended, kernel, user;
	HANDLE		h;
	int64_t		start = 0;

	if (pid <= 0 || pid > UINT32_MAX)
		return 0;
	h = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE,
	    FALSE, (DWORD)pid);
	if (h == NULL)
		return 0;
	if (WaitForSingleObject(h, 0) == WAIT_TIMEOUT &&
	    GetProcessTimes(h, &created, &ended, &kernel, &user))
		start = ticks_of(created);
	CloseHandle(h);
	return start;
}

/* A console's Ctrl-C reaches all its processes; the parent ends us. */
void
platform_become_part(const char *name)
{
	(void)name;
	SetConsoleCtrlHandler(NULL, TRUE);
}

/* A job of its own, which a process can be in beside others since Windows
 * 8. */
void
platform_limit_memory(int64_t bytes)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION	limit = { 0 };
	HANDLE					job;

	limit.BasicLimitInformation.LimitFlags =
	    JOB_OBJECT_LIMIT_PROCESS_MEMORY;
	limit.ProcessMemoryLimit = (SIZE_T)bytes;
	if ((job = CreateJobObjectW(NULL, NULL)) == NULL)
		return;
	SetInformationJobObject(job, JobObjectExtendedLimitInformation,
	    &limit, sizeof(limit));
	AssignProcessToJobObject(job, GetCurrentProcess());
}

int
platform_process_cost(int64_t pid, int64_t *cpu_us, int64_t *rss)
{
	PROCESS_MEMORY_COUNTERS	m = { .cb = sizeof(m) };
	FILETIME		created, ended, kernel, user;
	HANDLE			h;
	int			rc = 0;

	h = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)pid);
	if (h == NULL)
		return last_error();
	if (GetProcessTimes(h, &created, &ended, &kernel, &user) &&
	    GetProcessMemoryInfo(h, &m, sizeof(m))) {
		*cpu_us = (ticks_of(kernel) + ticks_of(user)) / 10;
		*rss = (int64_t)m.WorkingSetSize;
	} else
		rc = last_error();
	CloseHandle(h);
	return rc;
}

int
platform_self_path(char *out, size_t n)
{
	return uv_exepath(out, &n);
}

int
platform_peer_cred(int fd, int64_t *uid, int64_t *pid)
{
	(void)fd, (void)uid, (void)pid;
	return -ENOTSUP;
}

int
platform_peer_gone(int fd)
{
	return !PeekNamedPipe((HANDLE)(intptr_t)fd, NULL, 0, NULL, NULL,
	    NULL);
}

int
platform_sendfile(int to, int from, uint64_t off, size_t n, size_t *sent)
{
	(void)to, (void)from, (void)off, (void)n;
	*sent = 0;
	return -ENOTSUP;		/* a SOCKET is no descriptor */
}

void
platform_cork(int fd, int on)
{
	(void)fd, (void)on;
}

/* -- time limits -- */

static void	(*when_late)(int);

static VOID CALLBACK
on_late(PVOID unused, BOOLEAN fired)
{
	(void)unused;
	(void)fired;
	when_late(0);
}

void
platform_alarm(unsigned seconds, void (*late)(int))
{
	static HANDLE	timer;

	if (timer != NULL)
		DeleteTimerQueueTimer(NULL, timer, NULL);
	timer = NULL;
	when_late = late;
	if (seconds > 0)
		CreateTimerQueueTimer(&timer, NULL, on_late, NULL,
		    seconds * 1000, 0, WT_EXECUTEONLYONCE);
}

/* -- locks -- */

static int
lock_byte(int fd, DWORD flags)
{
	OVERLAPPED	o = { .OffsetHigh = LOCK_OFFSET_HIGH };
	HANDLE		h = (HANDLE)_get_osfhandle(fd);

	if (h == INVALID_HANDLE_VALUE)
		return -EBADF;
	if (LockFileEx(h, flags, 0, 1, 0, &o))
		return 0;
	switch (GetLastError()) {
	case ERROR_LOCK_VIOLATION:
	case ERROR_IO_PENDING:
		return -EWOULDBLOCK;
	default:
		return last_error();
	}
}

void *
platform_map(int fd, size_t n, int write)
{
	HANDLE	 h = CreateFileMappingW((HANDLE)_get_osfhandle(fd), NULL,
		    write ? PAGE_READWRITE : PAGE_READONLY, 0, 0, NULL);
	void	*p = NULL;

	if (h != NULL) {
		p = MapViewOfFile(h, write ? FILE_MAP_WRITE : FILE_MAP_READ,
		    0, 0, n);
		CloseHandle(h);		/* the view keeps it */
	}
	if (p == NULL)
		errno = EIO;
	return p;
}

void
platform_unmap(void *p, size_t n)
{
	FlushViewOfFile(p, n);
	UnmapViewOfFile(p);
}

int
platform_lock(int fd, int shared, int wait)
{
	return lock_byte(fd, (shared ? 0 : (DWORD)LOCKFILE_EXCLUSIVE_LOCK) |
	    (wait ? 0 : (DWORD)LOCKFILE_FAIL_IMMEDIATELY));
}

int
platform_flock(int fd, int shared, int wait)
{
	return platform_lock(fd, shared, wait);
}

int
platform_lock_whole(int fd, int shared, int wait)
{
	return platform_lock(fd, shared, wait);
}

int
platform_unlock(int fd)
{
	OVERLAPPED	o = { .OffsetHigh = LOCK_OFFSET_HIGH };

	return UnlockFileEx((HANDLE)_get_osfhandle(fd), 0, 1, 0, &o) ? 0 :
	    last_error();
}

/* Windows has no question, only the attempt: for that instant the lock is
 * ours, and somebody else's attempt may fail.  Our own lock counts too. */
int
platform_lock_held(int fd)
{
	OVERLAPPED	o = { .OffsetHigh = LOCK_OFFSET_HIGH };
	int		rc = lock_byte(fd, LOCKFILE_EXCLUSIVE_LOCK |
			    LOCKFILE_FAIL_IMMEDIATELY);

	if (rc == 0)
		UnlockFileEx((HANDLE)_get_osfhandle(fd), 0, 1, 0, &o);
	return rc == -EWOULDBLOCK ? 1 : rc;
}

/* -- the sample -- */

static void
sample_cpu(struct platform_sample *s)
{
	FILETIME	idle, kernel, user;

	if (!GetSystemTimes(&idle, &kernel, &user))
		return;
	s->cpu_idle = ticks_of(idle);
	s->cpu_user = ticks_of(user);
	s->cpu_system = ticks_of(kernel) - s->cpu_idle;	/* it counts idle */
	s->cpu_total = ticks_of(kernel) + s->cpu_user;
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
		s->self_cpu_us = (ticks_of(kernel) + ticks_of(user)) / 10;
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
	return s->cpu_total < 0 ? last_error() : 0;
}

/* -- the program and its service -- */

char *
platform_program(void)
{
	char	path[PATH_MAX];
	size_t	n = sizeof(path);

	return uv_exepath(path, &n) < 0 ? NULL : xstrdup(path);
}

int
platform_exec_program(char **argv)
{
	(void)argv;	/* another process is another PID here */
	return -ENOTSUP;
}

char *
platform_unit(int *user)
{
	*user = 0;
	return NULL;
}
