/* Shared by httpc*.c alone. */
#ifndef MUSTER_HTTPC_IMPL_H
#define MUSTER_HTTPC_IMPL_H

struct buf;
struct httpc_options;
struct url;

/* httpc_write.c */
/* 0, or -EINVAL for what cannot stand in a header. */
int	httpc_write_request(struct buf *, const struct url *,
	    const struct httpc_options *);
/* Asks a proxy for the way to where the URL leads. */
void	httpc_write_connect(struct buf *, const struct url *);

#endif
