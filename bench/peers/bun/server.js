// bun - the peer on Bun: its HTTP server, its PostgreSQL driver, and jose. See "Against peers" in docs/performance.md.
//
//	LISTEN=127.0.0.1:PORT DATABASE_URL=... JWT_SECRET=... bun server.js

import { SQL } from "bun";
import { jwtVerify } from "jose";
import { before, clientOf, cursorOf, instant, masked, opportunityOf, phone, withMissing } from "./shapes.js";

const PAGE = 15;
// The driver prepares every statement, and pipelines concurrent queries.
const sql = new SQL({ url: process.env.DATABASE_URL, max: 4, connection: { timezone: "UTC" } });

// Instants and days as text, because a Date has no microseconds.
const opportunityColumns = `o.id, o.client_id, o.contact_id, o.campaign, o.sub_campaign, o.stage, o.current_plan,
	o.activation_date::text, o.prior_consultation, o.reason, o.competitor_plan, o.competitor_offer, o.offer_channel, o.operator,
	o.phone_to_manage, o.additional_line, o.advertising_acceptance, o.closed_at::text, o.voided_at::text, o.void_reason,
	o.created_at::text, o.updated_at::text,
	a.id as advisor_id, a.username, a.full_name, v.id as voider_id, v.username as voider_username, v.full_name as voider_full_name,
	o.follow_up_at::text, o.follow_up_note, o.reopened_at::text, w.id as reopener_id, w.username as reopener_username,
	w.full_name as reopener_full_name,
	array(select y.id::text from opportunity y where y.client_id = o.client_id and y.id <> o.id and y.closed_at is null
		and y.voided_at is null order by y.id desc) as other_open
	from opportunity o join advisor a on a.id = o.advisor_id left join advisor v on v.id = o.voided_by
	left join advisor w on w.id = o.reopened_by`;
const searchSql = `select c.id, c.name, c.document_type, c.document_number, c.external_id, c.phone, c.email, c.gender, c.birth_date::text,
	c.legal_representative, c.lines, c.plan, c.activation_date::text, c.trac_profile, c.observed, c.claro_points, c.segment,
	c.mi_claro, c.expiring_points, c.overdue_payment, c.latam_partner, c.created_at::text, c.updated_at::text, c.erased_at::text,
	n.advertising_acceptance as acceptance, n.created_at::text as acceptance_at, n.opportunity_id as acceptance_opportunity_id,
	a.id as advisor_id, a.username, a.full_name
	from client_phone p join client c on c.id = p.client_id
	left join lateral (select advertising_acceptance, created_at, opportunity_id, advisor_id from consent
		where client_id = c.id order by created_at desc, id desc limit 1) n on true
	left join advisor a on a.id = n.advisor_id
	where p.phone = $1 and (c.created_at, c.id) < ($2, $3)
	order by c.created_at desc, c.id desc limit $4`;
const getSql = `select ${opportunityColumns} where o.id = $1`;
const actionsSql = "select id, action, final_state from action where opportunity_id = $1 order by id";
const listSql = `select ${opportunityColumns} where o.client_id = $1 and o.voided_at is null and (o.created_at, o.id) < ($2, $3)
	order by o.created_at desc, o.id desc limit $4`;
const actionsOfSql = "select opportunity_id, id, action, final_state from action where opportunity_id = any($1::bigint[]) order by id";

const clientExistsSql = "select id from client where id = $1";
const partiesSql = `select c.id, a.username, a.full_name,
	array(select y.id::text from opportunity y where y.client_id = c.id and y.closed_at is null and y.voided_at is null order by y.id desc) as other_open
	from client c, advisor a where c.id = $1 and a.id = $2`;
const contactAddSql = `insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, "right")
	values ($1, $2, $3, $4, $5, $6) returning id`;
const opportunityAddSql = `insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign,
	sub_campaign_id, sub_campaign, stage_id, stage, closed_at, current_plan, activation_date, prior_consultation, reason_id, reason,
	competitor_plan_id, competitor_plan, competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
	phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance)
	values ($1, currval('contact_id_seq'), $2, $3, $4, $5, $6, $7, $8, case when $9::boolean then now() end, $10, $11, $12, $13, $14, $15,
	$16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) returning id, created_at::text, updated_at::text,
	closed_at::text`;
const actionAddSql = `insert into action (opportunity_id, action_id, action, final_state_id, final_state)
	values (currval('opportunity_id_seq'), $1, $2, $3, $4) returning id`;
const consentAddSql = `insert into consent (client_id, opportunity_id, contact_id, advisor_id,
	advertising_acceptance_id, advertising_acceptance)
	values ($1, currval('opportunity_id_seq'), currval('contact_id_seq'), $2, $3, $4)`;
const auditAddSql = `insert into audit (advisor_id, session_id, address, operation, object_type, object_id, action,
	client_id, opportunity_id, after) values ($1, $2, $3, 'typification_create', 'opportunity', currval('opportunity_id_seq'), 'insert',
	$4, currval('opportunity_id_seq'), $5)`;

class Refusal extends Error {
	constructor(status, code) {
		super(code);
		this.status = status;
		this.code = code;
	}
}

// The catalogues are kept in memory, and read again every minute.
let choices = new Map();
async function load() {
	const rows = await sql`select c.code as catalog, i.code, i.id, i.choice from catalog_item i join catalog c on c.id = i.catalog_id
		where i.selectable`;
	choices = new Map(rows.map((r) => [`${r.catalog} ${r.code}`, { id: r.id, choice: r.choice }]));
}
const none = { id: null, choice: null };
function choiceOf(catalog, code) {
	if (code == null) return none;
	const found = choices.get(`${catalog} ${code}`);
	if (!found) throw new Refusal(422, "unknown_choice");
	return found;
}


const key = new TextEncoder().encode(process.env.JWT_SECRET);
const expected = { algorithms: ["HS256"], issuer: "gestor", audience: "gestor-api" };
async function authenticate(request) {
	try {
		return (await jwtVerify(request.headers.get("authorization").slice("Bearer ".length), key, expected)).payload;
	} catch {
		throw new Refusal(401, "unauthorized");
	}
}

// Turns what a handler returns or throws into the answer.
const route = (handle) => async (request, server) => {
	const address = server.requestIP(request)?.address;
	try {
		return await handle(request, await authenticate(request), address);
	} catch (error) {
		const status = error.status ?? (error.errno?.startsWith?.("23") ? 422 : 500);
		if (status === 500) console.error(error);
		return Response.json({ status, code: error.constraint ?? error.code ?? "internal" }, { status });
	}
};

function beforeOf(query) {
	try {
		return before(query.get("cursor"));
	} catch {
		throw new Refusal(400, "bad_cursor");
	}
}
const idOf = (request) => {
	if (!/^[0-9]{1,18}$/.test(request.params.id)) throw new Refusal(404, "not_found");
	return request.params.id;
};
const queryOf = (request) => new URL(request.url).searchParams;
const pageOf = (rows, items) => ({ items, next: rows.length > PAGE ? cursorOf(items[PAGE - 1]) : null });

// Rows have instants in PostgreSQL's form.
function clientShown(row) {
	row.created_at = instant(row.created_at);
	row.updated_at = instant(row.updated_at);
	row.erased_at = instant(row.erased_at);
	row.acceptance_at = instant(row.acceptance_at);
	return clientOf(row);
}
function opportunityShown(row, actions) {
	row.closed_at = instant(row.closed_at);
	row.voided_at = instant(row.voided_at);
	row.follow_up_at = instant(row.follow_up_at);
	row.reopened_at = instant(row.reopened_at);
	row.created_at = instant(row.created_at);
	row.updated_at = instant(row.updated_at);
	return opportunityOf(row, actions);
}

async function clientSearch(request) {
	const query = queryOf(request);
	const [at, id] = beforeOf(query);
	const rows = await sql.unsafe(searchSql, [phone(query.get("phone")), at, id, PAGE + 1]);
	return Response.json(pageOf(rows, rows.slice(0, PAGE).map(clientShown)));
}

async function opportunityGet(request) {
	const values = [idOf(request)];
	const [rows, actions] = await Promise.all([sql.unsafe(getSql, values), sql.unsafe(actionsSql, values)]);
	if (rows.length === 0) throw new Refusal(404, "not_found");
	return Response.json(opportunityShown(rows[0], actions));
}

async function clientOpportunityList(request) {
	const clientId = idOf(request);
	const [at, id] = beforeOf(queryOf(request));
	const rows = await sql.unsafe(listSql, [clientId, at, id, PAGE + 1]);
	if (rows.length === 0 && (await sql.unsafe(clientExistsSql, [clientId])).length === 0) throw new Refusal(404, "not_found");
	const shown = rows.slice(0, PAGE);
	const grids = new Map(shown.map((r) => [r.id, []]));
	for (const a of await sql.unsafe(actionsOfSql, [`{${[...grids.keys()]}}`])) grids.get(a.opportunity_id).push(a);
	return Response.json(pageOf(rows, shown.map((r) => opportunityShown(r, grids.get(r.id)))));
}

async function typificationCreate(request, user, address) {
	const body = await request.json().catch(() => null);
	if (!body?.client_id || !body.contact || !body.sub_campaign) throw new Refusal(422, "invalid");
	const { client_id, contact, sub_campaign, service = {}, actions = [], diagnosis = {}, competitor_offer = {}, closure = {} } = body;
	const { sub: advisor, sid: session } = user;
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


	// One round trip after BEGIN.
	const [[who], [contactRow], [made], ...more] = await sql.begin((tx) => Promise.all([
		tx.unsafe(partiesSql, [client_id, advisor]),
		tx.unsafe(contactAddSql, [client_id, advisor, phone(contact.origin_phone), contact.serial_number, check?.asked, check?.right]),
		tx.unsafe(opportunityAddSql, [client_id, advisor, campaign.id, campaign.choice, subCampaign.id, subCampaign.choice, stage.id,
			stage.choice, stageCode !== "en-proceso", service.current_plan, service.activation_date, service.prior_consultation, reason.id,
			reason.choice, plan.id, plan.choice, offer.id, offer.choice, channel.id, channel.choice, operator.id, operator.choice,
			phoneToManage, additionalLine, acceptance.id, acceptance.choice]),
		...grid.map(([action, state]) => tx.unsafe(actionAddSql, [action.id, action.choice, state.id, state.choice])),
		...(acceptance.id ? [tx.unsafe(consentAddSql, [client_id, advisor, acceptance.id, acceptance.choice])] : []),
		tx.unsafe(auditAddSql, [advisor, session, address, client_id, after]),
	]));
	if (!who) throw new Refusal(422, "client_unknown");
	const actionRows = more.map((rows) => rows[0]);
	const answer = withMissing({
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
		closure: { advertising_acceptance: acceptance.choice, stage: stage.choice, closed_at: instant(made.closed_at) },
		missing: [],
		follow_up: null,
		voided: null,
		reopened: null,
		created_at: instant(made.created_at),
		updated_at: instant(made.updated_at),
		other_open: who.other_open,
	});
	return Response.json(answer, { status: 201, headers: { location: `/v1/opportunities/${answer.id}` } });
}

await load();
setInterval(() => load().catch(console.error), 60_000).unref();
const [hostname, port] = process.env.LISTEN.split(":");
Bun.serve({
	hostname,
	port: Number(port),
	routes: {
		"/livez": Response.json({ status: "ok" }),
		"/v1/clients": { GET: route(clientSearch) },
		"/v1/clients/:id/opportunities": { GET: route(clientOpportunityList) },
		"/v1/opportunities/:id": { GET: route(opportunityGet) },
		"/v1/typifications": { POST: route(typificationCreate) },
	},
	fetch: () => Response.json({ status: 404, code: "not_found" }, { status: 404 }),
});
