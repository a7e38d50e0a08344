// The functions that make answers of rows.

// Turns '2025-10-11 09:58:01.92+00', PostgreSQL's form in UTC, into RFC 3339 with six digits.
export const instant = (s) => (s === null ? null : `${s.slice(0, 10)}T${s.slice(11, 19)}.${s.slice(20, -3).padEnd(6, "0")}Z`);

// The desk's day, in Lima. The 29th of February counts as the 28th in a common year.
function birthdayToday(birth) {
	const now = new Date(Date.now() - 5 * 3600_000);
	const day = now.toISOString().slice(5, 10);
	const on = birth.slice(5, 10);
	return on === day || (on === "02-29" && day === "02-28" && new Date(now.getTime() + 86_400_000).getUTCDate() === 1);
}

export function clientOf(r) {
	return {
		id: r.id,
		name: r.name,
		document_type: r.document_type,
		document_number: r.document_number,
		external_id: r.external_id,
		phone: r.phone,
		email: r.email,
		gender: r.gender,
		birth_date: r.birth_date,
		legal_representative: r.legal_representative,
		sales: { lines: r.lines, plan: r.plan, activation_date: r.activation_date },
		summary_360: {
			trac_profile: r.trac_profile,
			observed: r.observed,
			claro_points: r.claro_points,
			segment: r.segment,
			mi_claro: r.mi_claro,
		},
		experience: {
			birthday_today: r.birth_date === null ? null : birthdayToday(r.birth_date),
			expiring_points: r.expiring_points,
			overdue_payment: r.overdue_payment,
			latam_partner: r.latam_partner,
		},
		created_at: r.created_at,
		updated_at: r.updated_at,
		erased_at: r.erased_at,
		// A withdrawn consent has no answer.
		advertising:
			r.acceptance === null
				? null
				: {
						acceptance: r.acceptance,
						at: r.acceptance_at,
						advisor: { id: r.advisor_id, username: r.username, full_name: r.full_name },
						opportunity_id: r.acceptance_opportunity_id,
					},
	};
}

export function opportunityOf(r, actions) {
	return withMissing({
		id: r.id,
		client_id: r.client_id,
		contact_id: r.contact_id,
		campaign: r.campaign,
		sub_campaign: r.sub_campaign,
		stage: r.stage,
		advisor: { id: r.advisor_id, username: r.username, full_name: r.full_name },
		service: { current_plan: r.current_plan, activation_date: r.activation_date, prior_consultation: r.prior_consultation },
		actions: actions.map((a) => ({ id: a.id, action: a.action, final_state: a.final_state })),
		diagnosis: { reason: r.reason },
		competitor_offer: {
			plan: r.competitor_plan,
			offer: r.competitor_offer,
			channel: r.offer_channel,
			operator: r.operator,
			phone_to_manage: r.phone_to_manage,
			additional_line: r.additional_line,
		},
		closure: { advertising_acceptance: r.advertising_acceptance, stage: r.stage, closed_at: r.closed_at },
		missing: [],
		follow_up: r.follow_up_at === null ? null : { at: r.follow_up_at, note: r.follow_up_note },
		voided:
			r.voided_at === null
				? null
				: {
						at: r.voided_at,
						advisor: { id: r.voider_id, username: r.voider_username, full_name: r.voider_full_name },
						reason: r.void_reason,
					},
		reopened:
			r.reopened_at === null
				? null
				: {
						at: r.reopened_at,
						advisor: { id: r.reopener_id, username: r.reopener_username, full_name: r.reopener_full_name },
					},
		created_at: r.created_at,
		updated_at: r.updated_at,
		other_open: r.other_open,
	});
}

// Lists what an open opportunity lacks for a final stage.
export function withMissing(o) {
	if (o.closure.closed_at === null) {
		if (o.actions.length === 0) o.missing.push("actions");
		if (o.actions.some((a) => a.final_state === null)) o.missing.push("actions.final_state");
		if (o.diagnosis.reason === null) o.missing.push("diagnosis.reason");
		if (o.competitor_offer.phone_to_manage === null) o.missing.push("competitor_offer.phone_to_manage");
		if (o.closure.advertising_acceptance === null) o.missing.push("closure.advertising_acceptance");
	}
	return o;
}

// Normalises '+51 944 264 648' to '944264648'.
export const phone = (written) => (written == null ? null : written.replace(/[^0-9]/g, "").slice(-9));

export const masked = (number) => (number === null ? undefined : `***${number.slice(-3)}`);

// A cursor holds the instant and the id of the page's last item.
export const cursorOf = (o) => Buffer.from(`${o.created_at} ${o.id}`).toString("base64url");
export function before(cursor) {
	if (!cursor) return ["infinity", "0"];
	const words = Buffer.from(cursor, "base64url").toString().split(" ");
	if (words.length !== 2 || Number.isNaN(Date.parse(words[0])) || !/^\d+$/.test(words[1])) throw new Error("bad cursor");
	return words;
}
