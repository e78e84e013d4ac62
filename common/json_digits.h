/* Integers of JSON text that are too long for the numbers that read them. */
#ifndef MUSTER_JSON_DIGITS_H
#define MUSTER_JSON_DIGITS_H

#include <stddef.h>

/*
 * In text that is valid JSON: the first integer past 64 bits whose digits a
 * double does not keep, of *len bytes; or NULL.  (18446744073709551616 and
 * 1 with thirty zeros are kept, 18446744073709551617 is not.)
 */
const char *json_lost_integer(const char *text, size_t n, size_t *len);

#endif
