/*
 * What is signed, and how: Ed25519 over a domain word, a NUL, and the
 * SHA-256 of the bytes, so that a signature for one use serves no other.
 */
#ifndef MUSTER_SIGN_H
#define MUSTER_SIGN_H

#include <stdint.h>

#define SIGN_ARTIFACT	"muster-artifact-v1"	/* a package or a binary */
#define SIGN_CONFIG	"muster-config-v1"	/* a stamped configuration */

void	sign_make(const uint8_t sec[64], const char *domain,
	    const uint8_t sha256[32], uint8_t sig[64]);
/* 1 when right, else 0. */
int	sign_check(const uint8_t pub[32], const char *domain,
	    const uint8_t sha256[32], const uint8_t sig[64]);

#endif
