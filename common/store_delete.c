/* The end of a job's record: it goes with all that only it has. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "store_lmdb.h"

static int
apply_delete(struct store_txn *t, struct store_req *r)
{
	int	rc;

	if ((rc = job_read(t, r->id, &r->result)) < 0)
		return rc;
	if (job_is(r->result, "pending") || job_is(r->result, "running"))
		return -EBUSY;
	if ((rc = job_remove(t, r->result)) < 0
	    || (rc = log_delete(t, r->id)) < 0)
		return rc;
	return ops_apply(t, r->ops, r->n_ops);
}

void
store_job_delete(struct store *s, const char *id, const struct store_op *ops,
    size_t n, store_done done, void *arg)
{
	struct store_req	*r = req_new(apply_delete, done, arg);
	int			 rc = name_check(id, STORE_MAX_KEY);

	if (rc == 0 && (rc = ops_copy(r, ops, n)) == 0)
		r->id = xstrdup(id);
	req_submit(s, r, rc);
}
