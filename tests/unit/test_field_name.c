/* Fields: one name in every request, the pointer of a name, and a label for every field of the contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/messages.h"
#include "spec/field_name.h"
#include "spec/openapi.h"
#include "spec/schema.h"
#include "spec/schema_compile.h"

static struct arena arena;

static int
load(void **state)
{
	static const struct schema_names any = { NULL, NULL };
	char why[512];

	(void)state;
	arena_init(&arena);
	if (openapi_load(&any, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	openapi_unload();
	arena_free(&arena);
	return 0;
}

static void
assert_field(const char *operation, const char *pointer, const char *field)
{
	const struct operation *op = openapi_operation(operation);

	assert_non_null(op);
	assert_string_equal(field_of(op, pointer, &arena), field);
}

static void
one_field_has_one_name(void **state)
{
	(void)state;
	assert_field("client_create", "#/name", "client.name");
	assert_field("client_update", "#/sales/lines/3", "client.sales.lines");
	assert_field("client_search", "#/phone", "client.phone");
	assert_field("client_search", "#/document_number", "client.document_number");
	assert_field("typification_create", "#/client/name", "client.name");
	assert_field("typification_create", "#/client/sales/lines/3", "client.sales.lines");
	assert_field("contact_create", "#/ownership_check/asked", "contact.ownership_check.asked");
	assert_field("typification_create", "#/contact/ownership_check/asked",
	    "contact.ownership_check.asked");
	assert_field(
	    "opportunity_create", "#/service/current_plan", "opportunity.service.current_plan");
	assert_field("opportunity_create", "#/contact_id", "opportunity.contact_id");
	assert_field("typification_put", "#/sub_campaign", "opportunity.sub_campaign");
	assert_field("typification_create", "#/client_id", "opportunity.client_id");
	assert_field("action_create", "#/action", "actions.action");
	assert_field("typification_put", "#/actions/12/action", "actions.action");
	assert_field("typification_put", "#/actions", "actions");
	assert_field("diagnosis_put", "#/reason", "diagnosis.reason");
	assert_field("closure_put", "#/stage", "closure.stage");
	assert_field("typification_create", "#/closure/stage", "closure.stage");
}

static void
fields_without_a_section_keep_their_name(void **state)
{
	(void)state;
	assert_field("client_search", "#/limit", "limit");
	assert_field("closure_put", "#/validate_only", "validate_only");
	assert_field("client_create", "#/Idempotency-Key", "Idempotency-Key");
	assert_field("session_create", "#/username", "username");
	assert_field("opportunity_list", "#/stage", "stage");
	/* A tree's field has one name at any depth. */
	assert_field("catalog_plan_create", "#/items/3/items/0/items/12/label", "items.label");
	assert_field("advisor_create", "#/rights/0", "rights");
	assert_string_equal(field_of(NULL, "#/a/0/b", &arena), "a.b");
}

static void
the_whole_body_is_named_after_its_section(void **state)
{
	(void)state;
	assert_field("client_create", "#", "client");
	assert_field("client_search", "#", "client");
	assert_field("typification_create", "#", "opportunity");
	assert_field("session_create", "#", "body");
	assert_field("closure_put", "#/0", "closure");
	assert_string_equal(field_of(NULL, "#", &arena), "body");
}

static void
assert_pointer(const char *operation, const char *field, const char *pointer)
{
	const char *found = field_pointer(openapi_operation(operation), field, &arena);

	if (pointer == NULL)
		assert_null(found);
	else
		assert_string_equal(found, pointer);
}

static void
a_field_has_its_pointer_in_the_body(void **state)
{
	(void)state;
	assert_pointer("client_update", "client.document_number", "#/document_number");
	assert_pointer("typification_create", "client.document_number", "#/client/document_number");
	assert_pointer(
	    "contact_create", "contact.ownership_check.right", "#/ownership_check/right");
	assert_pointer("typification_create", "contact.ownership_check.right",
	    "#/contact/ownership_check/right");
	assert_pointer("typification_create", "opportunity.client_id", "#/client_id");
	assert_pointer("opportunity_create", "opportunity.contact_id", "#/contact_id");
	assert_pointer("typification_put", "actions.0.final_state", "#/actions/0/final_state");
	assert_pointer("typification_put", "actions", "#/actions");
	assert_pointer("closure_put", "closure.advertising_acceptance", "#/advertising_acceptance");
	assert_pointer("closure_put", "actions", NULL);
	assert_pointer("closure_put", "diagnosis.reason", NULL);
	assert_pointer("typification_put", "client.name", NULL);
	assert_pointer("opportunity_create", "closure.stage", NULL);
	assert_pointer("advisor_update", "rights", "#/rights");
	assert_pointer("closure_put", "closure", "#");
}

static void
assert_labels(const struct operation *op, const struct schema *s, const char *pointer, int depth)
{
	const char *field = field_of(op, pointer, &arena);

	if (message_label(field) == NULL)
		fail_msg("%s %s: the field %s has no label", op->id, pointer, field);
	if (depth == 0)
		return;
	for (size_t i = 0; i < s->nproperties; i++)
		assert_labels(op, s->properties[i].schema,
		    arena_printf(&arena, "%s/%s", pointer, s->properties[i].name), depth - 1);
	if (s->items != NULL)
		assert_labels(op, s->items, arena_printf(&arena, "%s/0", pointer), depth - 1);
}

static void
every_field_of_the_contract_has_a_label(void **state)
{
	const struct operation *op;

	(void)state;
	for (int i = 0; (op = openapi_at(i)) != NULL; i++) {
		if (op->body != NULL)
			assert_labels(op, op->body, "#", 8);
		for (int k = 0; k < op->nparams; k++) {
			if (!op->params[k].in_path)
				assert_labels(op, op->params[k].schema,
				    arena_printf(&arena, "#/%s", op->params[k].name), 0);
		}
	}
}

/* Every body of the form must name its section, or its fields would have other names. */
static void
every_section_is_written(void **state)
{
	static const char *const sections[] = { "client", "contact", "opportunity", "actions",
		"diagnosis", "competitor_offer", "closure" };
	const struct operation *op;

	(void)state;
	for (size_t i = 0; i < NITEMS(sections); i++) {
		bool written = false;

		assert_true(field_section_known(sections[i]));
		for (int k = 0; (op = openapi_at(k)) != NULL; k++)
			written |= op->body != NULL && op->section != NULL &&
				   strcmp(op->section, sections[i]) == 0;
		if (!written)
			fail_msg("no operation has a body of the section %s", sections[i]);
	}
	assert_false(field_section_known("catalog"));
	assert_false(field_section_known(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_field_has_one_name),
		cmocka_unit_test(fields_without_a_section_keep_their_name),
		cmocka_unit_test(the_whole_body_is_named_after_its_section),
		cmocka_unit_test(a_field_has_its_pointer_in_the_body),
		cmocka_unit_test(every_field_of_the_contract_has_a_label),
		cmocka_unit_test(every_section_is_written),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
