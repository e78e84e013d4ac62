/* A public key or a signature as people give it on a command line. */
#ifndef MUSTER_SIGN_WORD_H
#define MUSTER_SIGN_WORD_H

#include <stddef.h>

/*
 * word is base64 text of just n bytes, or names a file that holds such a
 * text (and an end of line).  0, -errno of the file, or -EINVAL where it
 * holds something else.
 */
int	sign_word(const char *word, void *out, size_t n);

#endif
