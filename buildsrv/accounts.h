/* Private to accounts*.c: records of accounts, and their keys. */
#ifndef MUSTER_ACCOUNTS_H
#define MUSTER_ACCOUNTS_H

#include "buildsrv.h"

enum {
	MAX_WORKSPACES	= 100,	/* of one account */
	ACCOUNT_KEY_SIZE = BASE64_SIZE(TOKEN_BYTES) + 8
};

/* A new key, and the hash under which it is kept. */
void	account_key(char key[ACCOUNT_KEY_SIZE],
	    char hash[2 * SHA256_SIZE + 1]);
/* An account as the API shows it; a new reference. */
json_t	*account_view(const json_t *account);
/* Whether these are names of workspaces, each once.  0, or -EINVAL:
 * answered. */
int	workspaces_check(struct call *, const json_t *list);

#endif
