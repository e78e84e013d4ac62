/*
 * The host in Prometheus' text form, under the names that node_exporter gave
 * these values: dashboards and alerts that are made for it find them here.
 * A family that the system does not have is absent, never invented.
 */
#ifndef MUSTER_NODE_H
#define MUSTER_NODE_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* Appends all that this system has: one pass over its files.  The first call
 * opens them and makes its tables; later ones allocate nothing but what b
 * needs to grow.  How many rows did not fit a table is in *left_out. */
void	 node_metrics(struct buf *b, uint64_t *left_out);

/* node_text.c: the form */

/* # HELP and # TYPE; type "counter" "gauge" "untyped". */
void	 node_family(struct buf *, const char *name, const char *type,
	    const char *help);
/* One sample: v in units of 1/scale, a power of ten, so that 1234 with 100
 * is 12.34.  labels is {a="b"} or NULL. */
void	 node_value(struct buf *, const char *name, const char *labels,
	    uint64_t v, unsigned scale);
/* A family of one sample without labels. */
void	 node_single(struct buf *, const char *name, const char *type,
	    const char *help, uint64_t v, unsigned scale);
/* Appends NAME="value" to labels of n bytes, which start as "" and are ended
 * by node_labels_end(): escaped, and what is no UTF-8 as '?', for one such
 * byte would have the whole answer refused.  -ENOBUFS: does not fit, and
 * labels is as before. */
int	 node_label(char *labels, size_t n, const char *name,
	    const char *value);
int	 node_labels_end(char *labels, size_t n);

#endif
