/*
 * What the spool knows beside its records: two slots, written in turn, so
 * that one that was torn leaves the other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "spool_private.h"

enum { WORDS = 3 + 2 * SPOOL_CLASSES, NAME_AT = 8 + 8 * WORDS,
	CRC_AT = STATE_SLOT - 4 };

static const char	magic[8] = "mspool1";

static void
words(struct spool_state *st, uint64_t *w[WORDS])
{
	int	i;

	w[0] = &st->generation;
	w[1] = &st->limit;
	w[2] = &st->acked;
	for (i = 0; i < SPOOL_CLASSES; i++) {
		w[3 + i] = &st->lost[i];
		w[3 + SPOOL_CLASSES + i] = &st->told[i];
	}
}

static int
slot_read(const uint8_t *p, struct spool_state *st)
{
	uint64_t	*w[WORDS];
	int		 i;

	if (memcmp(p, magic, sizeof(magic)) != 0 ||
	    bytes_get(p + CRC_AT, 4) != bytes_crc(0, p, CRC_AT))
		return -EBADMSG;
	words(st, w);
	for (i = 0; i < WORDS; i++)
		*w[i] = bytes_get(p + 8 + 8 * i, 8);
	memcpy(st->name, p + NAME_AT, sizeof(st->name));
	return 0;
}

int
state_open(struct spool *s)
{
	char			*path = file_join(s->dir, "state");
	uint8_t			 slots[2 * STATE_SLOT];
	struct spool_state	 st;
	size_t			 n, i;
	int			 rc;

	memset(slots, 0, sizeof(slots));
	rc = disk_open(path, UV_FS_O_RDWR | UV_FS_O_CREAT, &s->state_fd);
	free(path);
	if (rc < 0 || (rc = disk_read(s->state_fd, slots, sizeof(slots), 0,
	    &n)) < 0)
		return rc;
	for (i = 0; i < 2; i++)
		if (slot_read(slots + i * STATE_SLOT, &st) == 0 &&
		    st.generation >= s->state.generation)
			s->state = st;
	return 0;
}

int
state_write(struct spool *s)
{
	uint8_t		 slot[STATE_SLOT];
	uint64_t	*w[WORDS];
	int		 i;

	memset(slot, 0, sizeof(slot));
	memcpy(slot, magic, sizeof(magic));
	s->state.generation++;
	words(&s->state, w);
	for (i = 0; i < WORDS; i++)
		bytes_put(slot + 8 + 8 * i, *w[i], 8);
	memcpy(slot + NAME_AT, s->state.name, sizeof(s->state.name));
	bytes_put(slot + CRC_AT, bytes_crc(0, slot, CRC_AT), 4);
	s->state_dirty = 1;
	return disk_write(s->state_fd, slot, sizeof(slot), "", 0,
	    (s->state.generation & 1) * STATE_SLOT);
}
