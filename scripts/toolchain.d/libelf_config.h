/* What elfutils' configure finds with musl, for libelf alone. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#define HAVE_ERR_H 1
#define HAVE_DECL_REALLOCARRAY 1
#define HAVE_DECL_MEMPCPY 1
#define HAVE_DECL_POWEROF2 1
#define HAVE_DECL_RAWMEMCHR 0
#define HAVE_VISIBILITY 1
#define HAVE_GCC_STRUCT 0
#define PACKAGE_NAME "elfutils"
#define PACKAGE_VERSION "0.188"
#include <eu-config.h>
