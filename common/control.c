/* What both ends of the control pipe know. */
#include <string.h>

#include "buf.h"
#include "control.h"
#include "crypto.h"

char *
control_secret_path(const char *path)
{
	return xasprintf("%s.secret", path);
}

#ifdef _WIN32

/* Pipes have one space of names: the path's hash is ours in it. */
char *
control_pipe_name(const char *path)
{
	uint8_t	hash[SHA256_SIZE];
	char	hex[2 * 16 + 1];

	crypto_sha256(path, strlen(path), hash);
	return xasprintf("\\\\.\\pipe\\muster-%s", hex_encode(hash, 16, hex));
}

#else

char *
control_pipe_name(const char *path)
{
	return xstrdup(path);
}

#endif
