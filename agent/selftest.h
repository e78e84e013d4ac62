/* The checks of muster-agent --self-test that have files of their own. */
#ifndef MUSTER_SELFTEST_H
#define MUSTER_SELFTEST_H

/* Each gives NULL, or what is wrong. */

/* selftest_crypto.c */
const char	*selftest_hashes(void);
const char	*selftest_ed25519(void);
const char	*selftest_x25519(void);
const char	*selftest_chacha(void);

/* selftest_loop.c */
const char	*selftest_timer(void);
const char	*selftest_tcp(void);

#endif
