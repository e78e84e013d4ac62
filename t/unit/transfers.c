/* Counts, limits and resumed parts of downloads. */
#include "../../buildsrv/parts.c"
#include "../../buildsrv/transfers.c"

#include <time.h>

#include "tap.h"

static struct transfers	*all;

enum { SIZE = 1000 };

static struct transfer *
get(const char *client, uint64_t from, uint64_t n, int64_t counted,
    int64_t max)
{
	struct transfer_want	w = { "anna/1", client, "sum", SIZE, from, n,
	    counted, max };

	return transfer_begin(all, &w);
}

/* One part from its beginning to its end; what is to be recorded. */
static int
part(const char *client, uint64_t from, uint64_t n)
{
	int	count = transfer_end(get(client, from, n, 0, 0), n);

	if (count > 0)
		transfers_recorded(all, "anna/1");
	return count;
}

static void
begin(void)
{
	all = transfers_new();
}

static void
end(const char *title)
{
	struct transfers_stats	st;

	transfers_get(all, &st);
	ok(title, st.open == 0 && all->grants == NULL && st.clients == 0);
	transfers_free(all);
}

static void
test_counts(void)
{
	begin();
	is_int("a whole file is a download", part("a", 0, SIZE), 1);
	is_int("each time", part("a", 0, SIZE), 1);
	is_int("half of it is none", part("a", 0, 500), 0);
	is_int("with the other half it is", part("a", 500, 500), 1);
	is_int("a second half alone is none", part("a", 500, 500), 0);
	is_int("nor another's first", part("b", 0, 500), 0);
	is_int("his own first is", part("a", 0, 500), 1);
	is_int("and the other's second", part("b", 500, 500), 1);
	is_int("parts may overlap", part("a", 0, 700), 0);
	is_int("in any order", part("a", 900, 100), 0);
	is_int("and again", part("a", 0, 100), 0);
	is_int("until they cover all", part("a", 600, 390), 1);
	is_int("a broken one is none", transfer_end(get("a", 0, SIZE, 0, 0),
	    400), 0);
	ok("the client may resume", transfers_resumes(all, "anna/1", "a"));
	ok("another may not", !transfers_resumes(all, "anna/1", "b"));
	is_int("a whole one after it is one", part("a", 0, SIZE), 1);
	ok("then there is nothing to resume",
	    !transfers_resumes(all, "anna/1", "a"));
	is_int("nothing sent is nothing", transfer_end(get("a", 0, SIZE, 0,
	    0), 0), 0);
	end("nothing is kept of those that are done");
}

static void
test_limit(void)
{
	struct transfer	*a, *b, *c;

	begin();
	a = get("a", 0, SIZE, 0, 2);
	b = get("b", 0, SIZE, 0, 2);
	ok("two at once of two", a != NULL && b != NULL);
	ok("a third is refused", get("c", 0, SIZE, 0, 2) == NULL);
	is_int("one breaks", transfer_end(a, 10), 0);
	a = get("c", 0, SIZE, 0, 2);
	ok("then the third may come", a != NULL);
	is_int("one ends", transfer_end(b, SIZE), 1);
	ok("a fourth is refused", get("d", 0, SIZE, 0, 2) == NULL);
	is_int("though it is not recorded yet",
	    transfers_counted(all, "anna/1", 0), 1);
	transfers_recorded(all, "anna/1");
	is_int("the other ends", transfer_end(a, SIZE), 1);
	ok("and it is used up", get("d", 0, SIZE, 1, 2) == NULL);
	transfers_recorded(all, "anna/1");
	ok("also for who has a part", get("a", 10, 990, 2, 2) == NULL);
	transfers_free(all);

	begin();
	a = get("a", 0, 300, 0, 1);
	b = get("a", 300, 300, 0, 1);
	c = get("a", 600, 400, 0, 1);
	ok("a client's parts side by side are one copy",
	    a != NULL && b != NULL && c != NULL);
	ok("the same part again is another", get("a", 600, 400, 0, 1) == NULL);
	ok("as is another client's", get("b", 0, 10, 0, 1) == NULL);
	is_int("the first part", transfer_end(a, 300), 0);
	ok("the copy stays with the others", get("b", 0, 10, 0, 1) == NULL);
	is_int("the second", transfer_end(b, 300), 0);
	is_int("the third is the download", transfer_end(c, 400), 1);
	transfers_recorded(all, "anna/1");
	ok("and that was it", get("a", 0, SIZE, 1, 1) == NULL);
	end("a refusal leaves nothing");
}

/* Files without their last byte, from ever new addresses. */
static void
test_waste(void)
{
	struct transfer	*t;
	char		 client[16];
	int		 i, got = 0;
	int64_t		 counted = 0;

	begin();
	for (i = 0; i < 100; i++) {
		snprintf(client, sizeof(client), "c%d", i);
		if ((t = get(client, 0, SIZE - 1, counted, 3)) == NULL)
			break;
		got++;
		if (transfer_end(t, SIZE - 1) > 0) {
			counted++;
			transfers_recorded(all, "anna/1");
		}
	}
	printf("# %d unfinished copies of a limit of 3\n", got);
	ok("unfinished ones use the limit up, too", got <= 2 * 3 + 1);
	transfers_free(all);
}

static void
test_contents(void)
{
	struct transfer_want	 w = { "anna/1", "a", "one", SIZE, 0, SIZE, 0,
	    0 };
	struct transfer		*a, *b;

	begin();
	a = transfer_begin(all, &w);
	w.token = "ben/2";
	b = transfer_begin(all, &w);
	ok("a file that is sent is known", transfers_sending(all, "one"));
	ok("another is not", !transfers_sending(all, "two"));
	transfers_recorded(all, transfer_end(a, SIZE) ? "anna/1" : "");
	ok("two tokens may share it", transfers_sending(all, "one"));
	transfer_end(b, 5);
	ok("until the last has ended", !transfers_sending(all, "one"));
	transfers_free(all);
}

static void
test_bounds(void)
{
	struct transfers_stats	 st;
	struct transfer_want	 w = { NULL, "a", "s", SIZE, 0, 1, 0, 0 };
	char			 token[24];
	int			 i;

	begin();
	for (i = 0; i < 3 * TRANSFERS_MAX_CLIENTS; i++) {
		snprintf(token, sizeof(token), "t/%d", i);
		w.token = token;
		transfer_end(transfer_begin(all, &w), 1);
	}
	transfers_get(all, &st);
	is_int("so many clients are remembered", (int)st.clients,
	    TRANSFERS_MAX_CLIENTS);
	ok("the last ones", transfers_resumes(all, token, "a")
	    && !transfers_resumes(all, "t/0", "a"));
	is_int("and as many tokens", (int)HASH_COUNT(all->grants),
	    TRANSFERS_MAX_CLIENTS);
	transfers_free(all);

	begin();
	for (i = 0; i < SIZE / 2; i++)		/* every second byte */
		part("a", (uint64_t)i * 2, 1);
	is_int("so many parts are remembered", (int)client_find(grant_find(
	    all, "anna/1"), "a")->has.n, PARTS_MAX);
	is_int("the rest closes all gaps", part("a", 0, SIZE), 1);
	transfers_free(all);
}

/* Against a map with a flag for each byte. */
static void
test_random(void)
{
	unsigned	seed = (unsigned)time(NULL);
	char		have[64];
	unsigned	from, n, i, covered;
	int		bad = 0, round, counted;

	printf("# seed %u\n", seed);
	srand(seed);
	begin();
	memset(have, 0, sizeof(have));
	for (round = 0; round < 20000; round++) {
		struct transfer_want w = { "t", "c", "s", sizeof(have), 0, 0,
		    0, 0 };

		/* Long enough that no more than the bound are apart. */
		n = 4 + (unsigned)rand() % 6;
		from = (unsigned)rand() % (sizeof(have) - n + 1);
		w.from = from;
		w.n = n;
		memset(have + from, 1, n);
		for (i = covered = 0; i < sizeof(have); i++)
			covered += have[i] != 0;
		counted = transfer_end(transfer_begin(all, &w), n);
		bad += counted != (covered == sizeof(have));
		if (counted > 0) {
			memset(have, 0, sizeof(have));
			transfers_recorded(all, "t");
		}
	}
	is_int("random parts are counted as a map of all bytes says", bad, 0);
	transfers_free(all);
}

int
main(void)
{
	test_counts();
	test_limit();
	test_waste();
	test_contents();
	test_bounds();
	test_random();
	return done();
}
