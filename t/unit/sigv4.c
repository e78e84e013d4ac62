/* AWS Signature Version 4: the examples that Amazon publishes for S3. */
#include "../../agent/sigv4.c"
#include "tap.h"

static int
signs(const char *query, const char *signature)
{
	struct sigv4	q = { "AKIAIOSFODNN7EXAMPLE",
	    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL, "us-east-1",
	    "s3", "GET", "examplebucket.s3.amazonaws.com", "/", query,
	    1369353600 };		/* 2013-05-24 00:00:00 */
	struct buf	b = BUF_INIT;
	int		good;

	sigv4_headers(&q, &b);
	good = strstr(b.p, signature) != NULL && strstr(b.p,
	    "x-amz-date: 20130524T000000Z\r\n") != NULL && strstr(b.p,
	    "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
	    "aws4_request,") != NULL;
	if (!good)
		printf("# %s", b.p);
	buf_release(&b);
	return good;
}

int
main(void)
{
	char	text[STAMP_SIZE];

	crypto_init();
	ok("get the lifecycle of a bucket", signs("lifecycle=",
	    "Signature=fea454ca298b7da1c68078a5d1bdbfbb"
	    "e0d65c699e0f91ac7a200a0136783543\r\n"));
	ok("list the objects of a bucket", signs("max-keys=2&prefix=J",
	    "Signature=34b48302e7b5fa45bde8084f4b7868a8"
	    "6f0a534bc59db6670ed5711ef69dc6f7\r\n"));
	stamp(1795201277, text);
	is_str("day and time of a moment", text, "20261120T190117Z");
	return done();
}
