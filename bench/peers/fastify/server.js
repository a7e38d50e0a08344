// fastify - the peer on Node.js: fastify with its serializer, @fastify/jwt and pg. See "Against peers" in
// docs/performance.md.
//
//	LISTEN=127.0.0.1:PORT DATABASE_URL=... JWT_SECRET=... node server.js

import jwt from "@fastify/jwt";
import Fastify from "fastify";
import pg from "pg";
import * as shapes from "./shapes.js";

const { before, cursorOf, clientOf, instant, opportunityOf, phone, masked, withMissing } = shapes;
const PAGE = 15;

pg.types.setTypeParser(pg.types.builtins.DATE, (s) => s);
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, instant);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4, min: 4, pipeline: true, options: "-c timezone=UTC" });

// pg prepares a named statement once on each connection.
const statement = (name, text) => (values) => ({ name, text, values });

const opportunitySql = `select o.id, o.client_id, o.contact_id, o.campaign, o.sub_campaign, o.stage, o.current_plan,
	o.activation_date, o.prior_consultation, o.reason, o.competitor_plan, o.competitor_offer, o.offer_channel, o.operator,
	o.phone_to_manage, o.additional_line, o.advertising_acceptance, o.closed_at, o.voided_at, o.void_reason, o.created_at, o.updated_at,
	a.id as advisor_id, a.username, a.full_name, v.id as voider_id, v.username as voider_username, v.full_name as voider_full_name,
	o.follow_up_at, o.follow_up_note, o.reopened_at, w.id as reopener_id, w.username as reopener_username,
	w.full_name as reopener_full_name,
	array(select y.id::text from opportunity y where y.client_id = o.client_id and y.id <> o.id and y.closed_at is null
		and y.voided_at is null order by y.id desc) as other_open
	from opportunity o join advisor a on a.id = o.advisor_id left join advisor v on v.id = o.voided_by
	left join advisor w on w.id = o.reopened_by`;
const search = statement("search", `select c.id, c.name, c.document_type, c.document_number, c.external_id, c.phone, c.email, c.gender, c.birth_date,
	c.legal_representative, c.lines, c.plan, c.activation_date, c.trac_profile, c.observed, c.claro_points, c.segment, c.mi_claro,
	c.expiring_points, c.overdue_payment, c.latam_partner, c.created_at, c.updated_at, c.erased_at,
	n.advertising_acceptance as acceptance, n.created_at as acceptance_at, n.opportunity_id as acceptance_opportunity_id,
	a.id as advisor_id, a.username, a.full_name
	from client_phone p join client c on c.id = p.client_id
	left join lateral (select advertising_acceptance, created_at, opportunity_id, advisor_id from consent
		where client_id = c.id order by created_at desc, id desc limit 1) n on true
	left join advisor a on a.id = n.advisor_id
	where p.phone = $1 and (c.created_at, c.id) < ($2, $3)
	order by c.created_at desc, c.id desc limit $4`);
const opportunityGet = statement("opportunity", `${opportunitySql} where o.id = $1`);
const actionsGet = statement("actions", "select id, action, final_state from action where opportunity_id = $1 order by id");
const list = statement("list", `${opportunitySql} where o.client_id = $1 and o.voided_at is null and (o.created_at, o.id) < ($2, $3)
	order by o.created_at desc, o.id desc limit $4`);
const actionsOf = statement("actions_of", "select opportunity_id, id, action, final_state from action where opportunity_id = any($1) order by id");
const clientExists = statement("client_exists", "select id from client where id = $1");
const parties = statement("parties", `select c.id, a.username, a.full_name,
	array(select y.id::text from opportunity y where y.client_id = c.id and y.closed_at is null and y.voided_at is null order by y.id desc) as other_open
	from client c, advisor a where c.id = $1 and a.id = $2`);
const contactAdd = statement("contact_add", `insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right")
	values ($1, $2, $3, $4, $5, $6) returning id`);
const opportunityAdd = statement("opportunity_add", `insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign,
	sub_campaign_id, sub_campaign, stage_id, stage, closed_at, current_plan, activation_date, prior_consultation, reason_id, reason,
	competitor_plan_id, competitor_plan, competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
	phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance)
	values ($1, currval('contact_id_seq'), $2, $3, $4, $5, $6, $7, $8, case when $9::boolean then now() end, $10, $11, $12, $13, $14, $15,
	$16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) returning id, created_at, updated_at, closed_at`);
const actionAdd = statement("action_add", `insert into action (opportunity_id, action_id, action, final_state_id, final_state)
	values (currval('opportunity_id_seq'), $1, $2, $3, $4) returning id`);
const consentAdd = statement("consent_add", `insert into consent (client_id, opportunity_id, contact_id, advisor_id,
	advertising_acceptance_id, advertising_acceptance)
	values ($1, currval('opportunity_id_seq'), currval('contact_id_seq'), $2, $3, $4)`);
const auditAdd = statement("audit_add", `insert into audit (advisor_id, session_id, address, operation, object_type, object_id, action,
	client_id, opportunity_id, after) values ($1, $2, $3, 'typification_create', 'opportunity', currval('opportunity_id_seq'), 'insert',
	$4, currval('opportunity_id_seq'), $5)`);

// The catalogues are kept in memory, and read again every minute.
let choices = new Map();
async function load() {
	const { rows } = await pool.query(
		"select c.code as catalog, i.code, i.id, i.choice from catalog_item i join catalog c on c.id = i.catalog_id where i.selectable",
	);
	choices = new Map(rows.map((r) => [`${r.catalog} ${r.code}`, { id: r.id, choice: r.choice, text: JSON.stringify(r.choice) }]));
}
const none = { id: null, choice: null, text: null };
function choiceOf(catalog, code) {
	if (code == null) return none;
	const found = choices.get(`${catalog} ${code}`);
	if (!found) throw refusal(422, "unknown_choice");
	return found;
}

function refusal(statusCode, code) {
	return Object.assign(new Error(code), { statusCode, code });
}

const app = Fastify();
app.register(jwt, {
	secret: process.env.JWT_SECRET,
	verify: { algorithms: ["HS256"], allowedIss: "gestor", allowedAud: "gestor-api" },
});
app.setErrorHandler((error, request, reply) => {
	const status = error.code?.startsWith?.("23") ? 422 : (error.statusCode ?? 500);
	if (status === 500) console.error(error);
	reply.code(status).send({ status, code: error.constraint ?? error.code ?? "internal" });
});
app.get("/livez", async () => ({ status: "ok" }));

// Uses one connection, on which the driver pipelines concurrent queries.
async function withClient(use) {
	const db = await pool.connect();
	try {
		return await use(db);
	} finally {
		db.release();
	}
}

function pageOf(rows, items) {
	return { items, next: rows.length > PAGE ? cursorOf(items[PAGE - 1]) : null };
}
function beforeOf(query) {
	try {
		return before(query.cursor);
	} catch {
		throw refusal(400, "bad_cursor");
	}
}

async function clientSearch(request) {
	const [at, id] = beforeOf(request.query);
	const { rows } = await pool.query(search([phone(request.query.phone), at, id, PAGE + 1]));
	return pageOf(rows, rows.slice(0, PAGE).map(clientOf));
}

async function opportunityGetOne(request) {
	const values = [request.params.id];
	const [one, actions] = await withClient((db) => Promise.all([db.query(opportunityGet(values)), db.query(actionsGet(values))]));
	if (one.rows.length === 0) throw refusal(404, "not_found");
	return opportunityOf(one.rows[0], actions.rows);
}

async function clientOpportunityList(request) {
	const [at, id] = beforeOf(request.query);
	return withClient(async (db) => {
		const { rows } = await db.query(list([request.params.id, at, id, PAGE + 1]));
		if (rows.length === 0 && (await db.query(clientExists([request.params.id]))).rows.length === 0) throw refusal(404, "not_found");
		const shown = rows.slice(0, PAGE);
		const grids = new Map(shown.map((r) => [r.id, []]));
		const actions = await db.query(actionsOf([[...grids.keys()]]));
		for (const a of actions.rows) grids.get(a.opportunity_id).push(a);
		return pageOf(rows, shown.map((r) => opportunityOf(r, grids.get(r.id))));
	});
}

async function typificationCreate(request, reply) {
	const { client_id, contact, sub_campaign, service = {}, actions = [], diagnosis = {}, competitor_offer = {}, closure = {} } = request.body;
	const { sub: advisor, sid: session } = request.user;
	const stageCode = closure.stage ?? "en-proceso";
	const campaign = choiceOf("campaign", "consulta-previa-prepago");
	const subCampaign = choiceOf("sub_campaign", sub_campaign);
	const stage = choiceOf("stage", stageCode);
	const reason = choiceOf("cancellation_reason", diagnosis.reason);
	const plan = choiceOf("competitor_plan", competitor_offer.plan);
	const offer = choiceOf("competitor_offer", competitor_offer.offer);
	const channel = choiceOf("offer_channel", competitor_offer.channel);
	const operator = choiceOf("operator", competitor_offer.operator);
	const acceptance = choiceOf("advertising_acceptance", closure.advertising_acceptance);
	const grid = actions.map((a) => [choiceOf("retention_action", a.action), choiceOf("final_state", a.final_state)]);
	const phoneToManage = phone(competitor_offer.phone_to_manage);
	const additionalLine = phone(competitor_offer.additional_line);
	const after = { sub_campaign, service, actions, diagnosis, closure,
		competitor_offer: { ...competitor_offer, phone_to_manage: masked(phoneToManage), additional_line: masked(additionalLine) } };
	const check = contact.ownership_check;

	// One round trip. COMMIT after a failed statement rolls back.
	const statements = [
		"begin",
		parties([client_id, advisor]),
		contactAdd([client_id, advisor, phone(contact.origin_phone), contact.serial_number, check?.asked, check?.right]),
		opportunityAdd([client_id, advisor, campaign.id, campaign.text, subCampaign.id, subCampaign.text, stage.id, stage.text,
			stageCode !== "en-proceso", service.current_plan, service.activation_date, service.prior_consultation, reason.id, reason.text,
			plan.id, plan.text, offer.id, offer.text, channel.id, channel.text, operator.id, operator.text, phoneToManage,
			additionalLine, acceptance.id, acceptance.text]),
		...grid.map(([action, state]) => actionAdd([action.id, action.text, state.id, state.text])),
		...(acceptance.id ? [consentAdd([client_id, advisor, acceptance.id, acceptance.text])] : []),
		auditAdd([advisor, session, request.ip, client_id, JSON.stringify(after)]),
		"commit",
	];
	const results = await withClient((db) => Promise.allSettled(statements.map((s) => db.query(s))));
	const failed = results.find((r) => r.status === "rejected");
	if (failed) throw failed.reason;
	const [, who, contactRow, made, ...actionRows] = results.map((r) => r.value.rows?.[0]);
	if (!who) throw refusal(422, "client_unknown");

	reply.code(201).header("location", `/v1/opportunities/${made.id}`);
	return withMissing({
		id: made.id,
		client_id,
		contact_id: contactRow.id,
		campaign: campaign.choice,
		sub_campaign: subCampaign.choice,
		stage: stage.choice,
		advisor: { id: advisor, username: who.username, full_name: who.full_name },
		service: {
			current_plan: service.current_plan ?? null,
			activation_date: service.activation_date ?? null,
			prior_consultation: service.prior_consultation ?? null,
		},
		actions: grid.map(([action, state], i) => ({ id: actionRows[i].id, action: action.choice, final_state: state.choice })),
		diagnosis: { reason: reason.choice },
		competitor_offer: {
			plan: plan.choice,
			offer: offer.choice,
			channel: channel.choice,
			operator: operator.choice,
			phone_to_manage: phoneToManage,
			additional_line: additionalLine,
		},
		closure: { advertising_acceptance: acceptance.choice, stage: stage.choice, closed_at: made.closed_at },
		missing: [],
		follow_up: null,
		voided: null,
		reopened: null,
		created_at: made.created_at,
		updated_at: made.updated_at,
		other_open: who.other_open,
	});
}

app.register(async (v1) => {
	v1.addHook("onRequest", (request) => request.jwtVerify());
	const id = { type: "string", pattern: "^[0-9]{1,18}$" };
	const params = { type: "object", properties: { id } };
	const schema = (shape, more) => ({ response: { "2xx": shape }, ...more });
	const body = {
		type: "object",
		required: ["client_id", "contact", "sub_campaign"],
		properties: {
			client_id: id,
			contact: {
				type: "object",
				required: ["origin_phone", "serial_number"],
				properties: { origin_phone: { type: "string" }, serial_number: { type: "string" } },
			},
		},
	};
	v1.get("/clients", { schema: schema(shapes.clientPage, { querystring: { type: "object", required: ["phone"] } }) }, clientSearch);
	v1.get("/clients/:id/opportunities", { schema: schema(shapes.opportunityPage, { params }) }, clientOpportunityList);
	v1.get("/opportunities/:id", { schema: schema(shapes.opportunity, { params }) }, opportunityGetOne);
	v1.post("/typifications", { schema: schema(shapes.opportunity, { body }) }, typificationCreate);
}, { prefix: "/v1" });

await load();
setInterval(() => load().catch(console.error), 60_000).unref();
const [host, port] = process.env.LISTEN.split(":");
await app.listen({ host, port: Number(port) });
