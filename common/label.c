/* What a label may be, for those who set it and for those who are told. */
#include <string.h>

#include "label.h"

const char *
label_fault(const char *key, const char *value, size_t len)
{
	static const char	good[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
	size_t			 n = strlen(key), i;

	if (n == 0 || n > LABEL_MAX_KEY || strspn(key, good) != n)
		return "a label's name must have 1 to 63 of the characters "
		    "a-z A-Z 0-9 . _ / -";
	if (len > LABEL_MAX_VALUE)
		return "a label's value must be a text of at most 128 bytes";
	for (i = 0; i < len; i++)
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
			return "a label's value must have no control "
			    "character";
	return NULL;
}
