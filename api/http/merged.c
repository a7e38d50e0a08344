#include "http/merged.h"

#include <string.h>

#include "http/problem.h"
#include "http/reply.h"
#include "http/route.h"

/*
 * A client that was merged into another: the same request of that one, whose method and body stay. The service's paths name the client
 * right after /v1/clients/.
 * words  a blank, and the id of the client that stays
 */
int
client_moved(struct request *rq, const char *words)
{
	static const char before[] = "/v1/clients/";
	const char *rest = rq->path + sizeof(before) - 1, *query = route_query_text(rq, NULL);

	reply_location(
	    rq, arena_printf(&rq->arena, "%s%s%s%s%s", before, words + 1, rest + strcspn(rest, "/"),
		    *query != '\0' ? "?" : "", *query != '\0' ? query + 1 : ""));
	return reply_problem_about(rq, rq->reads ? "client_moved" : "client_moved_write",
	    "existing", json_pack("{s:s, s:s+}", "id", words + 1, "href", before, words + 1));
}

/* words  a blank, and the id of the client that stays */
int
client_merged(struct request *rq, const char *words)
{
	return reply_problem_about(rq, "client_merged", "existing",
	    json_pack("{s:s, s:s+}", "id", words + 1, "href", "/v1/clients/", words + 1));
}

/* words  a blank before each record, as contact/5 */
int
merge_changed(struct request *rq, const char *words)
{
	json_t *changed = json_array();
	char *list = arena_copy(&rq->arena, words, strlen(words)), *save = NULL;

	for (char *w = strtok_r(list, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		char *id = strchr(w, '/');

		*id++ = '\0';
		json_array_append_new(
		    changed, json_pack("{s:s, s:s}", "object_type", w, "object_id", id));
	}
	return reply_problem_about(rq, "merge_changed", "changed", changed);
}
