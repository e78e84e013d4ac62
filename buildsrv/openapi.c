/* GET /api/openapi.json: the description that stands beside this file, as it
 * is; make knows that this is compiled anew when it changes. */
#include "buildsrv.h"

extern const char	openapi_text[], openapi_end[];

__asm__(".pushsection .rodata, \"a\", @progbits\n"
    "	.globl openapi_text, openapi_end\n"
    "	.hidden openapi_text, openapi_end\n"
    "openapi_text:\n"
    "	.incbin \"buildsrv/openapi.json\"\n"
    "openapi_end:\n"
    "	.popsection\n");

void
openapi_get(struct call *c)
{
	if (call_query(c, "") < 0)
		return;
	auth_charge(c);
	http_set(c->req, "Cache-Control", "max-age=3600");
	http_reply(c->req, 200, "application/json", openapi_text,
	    (size_t)(openapi_end - openapi_text));
	call_free(c);
}
