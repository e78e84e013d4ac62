/*
 * /proc/diskstats and /proc/net/dev: a row is a device, and a column is a
 * family, whose samples have to stand together.  So the rows are gathered
 * first.
 */
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "log.h"
#include "node.h"
#include "node_private.h"

enum { MAX_ROWS	= 512 };	/* a host with many containers has a few
				 * hundred interfaces */

struct row {
	char		labels[128];
	uint64_t	v[NODE_MAX_COLUMNS];
	int		n;
};

static struct row	rows[MAX_ROWS];

struct column {
	const char	*name, *type, *help;
	int		 at;
	unsigned	 times, scale;
};

static void
put_columns(struct buf *b, size_t n, const struct column *c, size_t columns)
{
	size_t	i;
	int	said;

	for (; columns > 0; columns--, c++)
		for (said = 0, i = 0; i < n; i++) {
			if (c->at >= rows[i].n)
				continue;	/* an older kernel */
			if (!said)
				node_family(b, c->name, c->type, c->help);
			said = 1;
			node_value(b, c->name, rows[i].labels,
			    rows[i].v[c->at] * c->times, c->scale);
		}
}

/* 1 where the row is taken. */
static int
add_row(size_t at, const char *device, const char *numbers)
{
	struct row	*r = &rows[at];

	r->labels[0] = '\0';
	if (node_label(r->labels, sizeof(r->labels), "device", device) < 0 ||
	    node_labels_end(r->labels, sizeof(r->labels)) < 0)
		return 0;
	r->n = node_numbers(numbers, r->v, NODE_MAX_COLUMNS);
	return 1;
}

/* -- disks -- */

static const struct column disk_columns[] = {
	{ "node_disk_reads_completed_total", "counter",
	    "Reads.", 0, 1, 1 },
	{ "node_disk_reads_merged_total", "counter",
	    "Reads that were merged into others.", 1, 1, 1 },
	{ "node_disk_read_bytes_total", "counter",
	    "Bytes read.", 2, 512, 1 },
	{ "node_disk_read_time_seconds_total", "counter",
	    "Time of all reads together.", 3, 1, 1000 },
	{ "node_disk_writes_completed_total", "counter",
	    "Writes.", 4, 1, 1 },
	{ "node_disk_writes_merged_total", "counter",
	    "Writes that were merged into others.", 5, 1, 1 },
	{ "node_disk_written_bytes_total", "counter",
	    "Bytes written.", 6, 512, 1 },
	{ "node_disk_write_time_seconds_total", "counter",
	    "Time of all writes together.", 7, 1, 1000 },
	{ "node_disk_io_now", "gauge",
	    "Requests under way.", 8, 1, 1 },
	{ "node_disk_io_time_seconds_total", "counter",
	    "Time with a request under way.", 9, 1, 1000 },
	{ "node_disk_io_time_weighted_seconds_total", "counter",
	    "That, times the requests under way.", 10, 1, 1000 },
	{ "node_disk_discards_completed_total", "counter",
	    "Discards.", 11, 1, 1 },
	{ "node_disk_discards_merged_total", "counter",
	    "Discards that were merged into others.", 12, 1, 1 },
	{ "node_disk_discarded_sectors_total", "counter",
	    "Sectors discarded.", 13, 1, 1 },
	{ "node_disk_discard_time_seconds_total", "counter",
	    "Time of all discards together.", 14, 1, 1000 },
	{ "node_disk_flush_requests_total", "counter",
	    "Flushes.", 15, 1, 1 },
	{ "node_disk_flush_requests_time_seconds_total", "counter",
	    "Time of all flushes together.", 16, 1, 1000 },
};

/* What node_exporter leaves out: ram1, loop0, fd0; partitions, which are
 * sda1, vdb2, xvda1, nvme0n1p2. */
static int
is_left_out(const char *name)
{
	static const char *const kinds[] = { "ram", "loop", "fd", "hd", "sd",
		"vd", "xvd" };
	const char		*end = name + strcspn(name, "0123456789"), *p;
	size_t			 i, n, len = (size_t)(end - name);

	if (strncmp(name, "nvme", 4) == 0)
		return (p = strrchr(name, 'p')) != NULL && p > end;
	if (*end == '\0' || end[strspn(end, "0123456789")] != '\0')
		return 0;
	for (i = 0; i < nitems(kinds); i++) {
		n = strlen(kinds[i]);
		if (strncmp(name, kinds[i], n) == 0 &&
		    len == n + (i > 2 ? 1 : 0))
			return 1;
	}
	return 0;
}

/* "   8       0 sda 1 2 3 ..." */
void
node_disks(struct buf *b, uint64_t *left_out)
{
	static struct node_file	f = { "/proc/diskstats", 0 };
	char			name[64], *text = node_read(&f), *line;
	size_t			n = 0;
	int			at;

	while (text != NULL && (line = node_line(&text)) != NULL) {
		at = 0;
		if (sscanf(line, "%*u %*u %63s%n", name, &at) < 1 || at == 0
		    || is_left_out(name))
			continue;
		if (n == MAX_ROWS || !add_row(n, name, line + at))
			++*left_out;
		else
			n++;
	}
	put_columns(b, n, disk_columns, nitems(disk_columns));
}

/* -- interfaces -- */

static const struct column net_columns[] = {
	{ "node_network_receive_bytes_total", "counter",
	    "Bytes received.", 0, 1, 1 },
	{ "node_network_receive_packets_total", "counter",
	    "Packets received.", 1, 1, 1 },
	{ "node_network_receive_errs_total", "counter",
	    "Errors of receiving.", 2, 1, 1 },
	{ "node_network_receive_drop_total", "counter",
	    "Packets dropped on receipt.", 3, 1, 1 },
	{ "node_network_receive_fifo_total", "counter",
	    "Overruns of the receive queue.", 4, 1, 1 },
	{ "node_network_receive_frame_total", "counter",
	    "Errors of framing.", 5, 1, 1 },
	{ "node_network_receive_compressed_total", "counter",
	    "Compressed packets received.", 6, 1, 1 },
	{ "node_network_receive_multicast_total", "counter",
	    "Multicast packets received.", 7, 1, 1 },
	{ "node_network_transmit_bytes_total", "counter",
	    "Bytes sent.", 8, 1, 1 },
	{ "node_network_transmit_packets_total", "counter",
	    "Packets sent.", 9, 1, 1 },
	{ "node_network_transmit_errs_total", "counter",
	    "Errors of sending.", 10, 1, 1 },
	{ "node_network_transmit_drop_total", "counter",
	    "Packets dropped on sending.", 11, 1, 1 },
	{ "node_network_transmit_fifo_total", "counter",
	    "Overruns of the send queue.", 12, 1, 1 },
	{ "node_network_transmit_colls_total", "counter",
	    "Collisions.", 13, 1, 1 },
	{ "node_network_transmit_carrier_total", "counter",
	    "Losses of the carrier.", 14, 1, 1 },
	{ "node_network_transmit_compressed_total", "counter",
	    "Compressed packets sent.", 15, 1, 1 },
};

/* Two lines of headings; then "  eth0: 1 2 3 ...", where the name may touch
 * the number, and may hold a colon itself. */
void
node_network(struct buf *b, uint64_t *left_out)
{
	static struct node_file	f = { "/proc/net/dev", 0 };
	char			*text = node_read(&f), *line, *colon;
	size_t			n = 0;

	while (text != NULL && (line = node_line(&text)) != NULL) {
		if ((colon = strrchr(line, ':')) == NULL)
			continue;
		*colon = '\0';
		line += strspn(line, " ");
		if (n == MAX_ROWS || !add_row(n, line, colon + 1))
			++*left_out;
		else
			n++;
	}
	put_columns(b, n, net_columns, nitems(net_columns));
}
