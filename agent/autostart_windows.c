/*
 * Windows: a value below the registry's Run key, the machine's for an
 * administrator and else the user's.  Compiled by make cross; what it does on
 * a real Windows is not tested in this project.
 */
#include <errno.h>
#include <windows.h>

#include "autostart.h"
#include "buf.h"
#include "platform.h"

#define RUN_KEY	"Software\\Microsoft\\Windows\\CurrentVersion\\Run"

static HKEY
root_key(void)
{
	return platform_is_admin() ? HKEY_LOCAL_MACHINE : HKEY_CURRENT_USER;
}

const char *
autostart_kind(const struct autostart *s, const char *asked, char **why)
{
	(void)s;
	if (asked == NULL || strcmp(asked, "registry") == 0)
		return "registry";
	*why = xasprintf("%s: Windows has the registry alone", asked);
	return NULL;
}

/* As CommandLineToArgvW() takes it apart. */
static char *
command_line(char *const *argv)
{
	struct buf	 b = BUF_INIT;
	const char	*p;
	size_t		 back;

	for (; *argv != NULL; argv++) {
		buf_adds(&b, b.len > 0 ? " \"" : "\"");
		for (p = *argv, back = 0; *p != '\0'; p++) {
			if (*p == '"')
				for (back++; back > 0; back--)
					buf_addc(&b, '\\');
			back = *p == '\\' ? back + 1 : 0;
			buf_addc(&b, *p);
		}
		for (; back > 0; back--)
			buf_addc(&b, '\\');
		buf_addc(&b, '"');
	}
	return buf_take(&b);
}

static wchar_t *
wide(const char *text)
{
	int	 n = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
	wchar_t	*w = xcalloc((size_t)n + 1, sizeof(*w));

	MultiByteToWideChar(CP_UTF8, 0, text, -1, w, n);
	return w;
}

int
autostart_make(struct autostart *s, char **why)
{
	char	*line = command_line(s->argv);
	wchar_t	*value = wide(line), *name = wide(s->name);
	HKEY	 key;
	LONG	 rc;

	if (autostart_made(s, MADE_OTHER, s->name) < 0) {
		*why = xasprintf("%s: cannot be written", s->receipt);
		rc = ERROR_WRITE_FAULT;
		goto out;
	}
	rc = RegCreateKeyExA(root_key(), RUN_KEY, 0, NULL, 0, KEY_SET_VALUE,
	    NULL, &key, NULL);
	if (rc == ERROR_SUCCESS) {
		rc = RegSetValueExW(key, name, 0, REG_SZ,
		    (const BYTE *)value, (DWORD)((wcslen(value) + 1) *
		    sizeof(*value)));
		RegCloseKey(key);
	}
	if (rc != ERROR_SUCCESS)
		*why = xasprintf("the registry: error %ld", rc);
out:
	free(line);
	free(value);
	free(name);
	return rc == ERROR_SUCCESS ? 0 : -EIO;
}

int
autostart_let_go(struct autostart *s, char **why)
{
	(void)s, (void)why;
	return 0;
}

int
autostart_unmake(struct autostart *s, const char *path, char **why)
{
	wchar_t	*name;
	HKEY	 key;
	LONG	 rc;

	(void)s;
	if (path == NULL)
		return 0;
	rc = RegOpenKeyExA(root_key(), RUN_KEY, 0, KEY_SET_VALUE, &key);
	if (rc == ERROR_SUCCESS) {
		name = wide(path);
		rc = RegDeleteValueW(key, name);
		free(name);
		RegCloseKey(key);
	}
	if (rc == ERROR_SUCCESS || rc == ERROR_FILE_NOT_FOUND)
		return 0;
	*why = xasprintf("the registry: error %ld", rc);
	return -EIO;
}

int
autostart_is_there(struct autostart *s, const char *path)
{
	wchar_t	*name = wide(path);
	HKEY	 key;
	LONG	 rc;

	(void)s;
	rc = RegOpenKeyExA(root_key(), RUN_KEY, 0, KEY_QUERY_VALUE, &key);
	if (rc == ERROR_SUCCESS) {
		rc = RegQueryValueExW(key, name, NULL, NULL, NULL, NULL);
		RegCloseKey(key);
	}
	free(name);
	return rc == ERROR_SUCCESS;
}
