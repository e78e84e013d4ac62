/* Windows: directories, and how one is made private by its access list. */
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#include <shlobj.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "buf.h"
#include "log.h"
#include "platform.h"
#include "platform_windows.h"

enum { WIDE_PATH = 1024 };	/* UTF-16 units of a path here */

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
	    S_OK || windows_utf8(wide, base, sizeof(base)) < 0)
		die(EXIT_SYSTEM, "no directory for application data");
	return xasprintf("%s\\%s", base, p->tail);
}

/* -- private directories -- */

static int
to_wide(const char *s, wchar_t *out, int n)
{
	return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, s, -1, out,
	    n) > 0 ? 0 : -ENAMETOOLONG;
}

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
		return windows_last_error();
	GetTokenInformation(token, TokenUser, NULL, 0, &n);
	*user = xmalloc(n);
	if (!GetTokenInformation(token, TokenUser, *user, n, &n))
		rc = windows_last_error();
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
		return windows_last_error();
	swprintf(sddl, nitems(sddl), L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
	    L"(A;OICI;FA;;;%ls)", sid);
	LocalFree(sid);
	if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl,
	    SDDL_REVISION_1, sd, NULL))
		rc = windows_last_error();
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
		return windows_last_error();
	if (!(attributes & FILE_ATTRIBUTE_DIRECTORY) ||
	    attributes & FILE_ATTRIBUTE_REPARSE_POINT)
		return -ENOTDIR;
	if (!owner_is_trusted(path, us))
		return -EPERM;
	if (!GetSecurityDescriptorDacl(sd, &present, &acl, &defaulted))
		return windows_last_error();
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
	    close_off(wide, user->User.Sid, sd) : windows_last_error();
out:
	LocalFree(sd);
	free(user);
	return rc;
}
