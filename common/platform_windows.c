/*
 * Windows 8 and later: Win32 directly.  Paths inside are UTF-16, outside
 * UTF-8, as libuv has them.
 */
#include <winsock2.h>
#include <windows.h>
#include <psapi.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "platform.h"
#include "platform_windows.h"

const char	platform_os[] = "windows";
#if defined(__x86_64__)
const char	platform_arch[] = "x64";
#elif defined(__aarch64__)
const char	platform_arch[] = "arm64";
#else
const char	platform_arch[] = "other";	/* document 000 names two */
#endif

int
windows_error(DWORD e)
{
	int	rc = uv_translate_sys_error((int)e);

	return rc < 0 ? rc : -EIO;
}

int
windows_last_error(void)
{
	return windows_error(GetLastError());
}

int
windows_utf8(const wchar_t *s, char *out, size_t n)
{
	return WideCharToMultiByte(CP_UTF8, 0, s, -1, out, (int)n, NULL,
	    NULL) > 0 ? 0 : -ERANGE;
}

/* -- who we are -- */

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

static int
registry_text(const wchar_t *key, const wchar_t *value, char *out, size_t n)
{
	wchar_t	wide[256];
	DWORD	size = sizeof(wide);
	LSTATUS	e = RegGetValueW(HKEY_LOCAL_MACHINE, key, value,
		    RRF_RT_REG_SZ, NULL, wide, &size);

	if (e != ERROR_SUCCESS)
		return windows_error((DWORD)e);
	return windows_utf8(wide, out, n);
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

int64_t
windows_ticks(FILETIME t)
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
		start = windows_ticks(created);
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
		return windows_last_error();
	if (GetProcessTimes(h, &created, &ended, &kernel, &user) &&
	    GetProcessMemoryInfo(h, &m, sizeof(m))) {
		*cpu_us = (windows_ticks(kernel) + windows_ticks(user)) / 10;
		*rss = (int64_t)m.WorkingSetSize;
	} else
		rc = windows_last_error();
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
