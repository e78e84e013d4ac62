/* The names of releases in update metadata: muster-update(7). */
#ifndef MUSTER_RELEASE_H
#define MUSTER_RELEASE_H

/* "muster-agent_VERSION_PLATFORM_CHANNEL", freed by the caller; NULL where a
 * part has other characters than letters, digits, '.', '+' and '-'. */
char	*release_path(const char *version, const char *platform,
	    const char *channel);
int	 release_word_ok(const char *);
/* Versions as numbers between dots, then text: -1, 0 or 1.  1.10 is above
 * 1.9; 1.0-rc1 is below 1.0. */
int	 release_compare(const char *, const char *);

#endif
