use std::sync::Arc;

use chrono::NaiveDate;
use futures_util::future;
use hyper::{header, Body, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_postgres::types::{Json, ToSql};

use crate::database::Choices;
use crate::read::phone;
use crate::shapes::*;
use crate::{json, Caller, Failure, Server};

#[derive(Deserialize)]
struct OwnershipCheck {
    asked: i16,
    right: i16,
}

#[derive(Deserialize)]
struct ContactBody {
    origin_phone: String,
    serial_number: String,
    ownership_check: Option<OwnershipCheck>,
}

#[derive(Deserialize, Serialize, Default)]
struct ServiceBody {
    current_plan: Option<String>,
    activation_date: Option<NaiveDate>,
    prior_consultation: Option<bool>,
}

#[derive(Deserialize, Serialize)]
struct ActionBody {
    action: String,
    final_state: Option<String>,
}

#[derive(Deserialize, Serialize, Default)]
struct DiagnosisBody {
    reason: Option<String>,
}

#[derive(Deserialize, Serialize, Default)]
struct OfferBody {
    plan: Option<String>,
    offer: Option<String>,
    channel: Option<String>,
    operator: Option<String>,
    phone_to_manage: Option<String>,
    additional_line: Option<String>,
}

#[derive(Deserialize, Serialize, Default)]
struct ClosureBody {
    advertising_acceptance: Option<String>,
    stage: Option<String>,
}

#[derive(Deserialize)]
struct Typification {
    client_id: String,
    contact: ContactBody,
    sub_campaign: String,
    #[serde(default)]
    service: ServiceBody,
    #[serde(default)]
    actions: Vec<ActionBody>,
    #[serde(default)]
    diagnosis: DiagnosisBody,
    #[serde(default)]
    competitor_offer: OfferBody,
    #[serde(default)]
    closure: ClosureBody,
}

/// The form with masked phones, for the audit.
#[derive(Serialize)]
struct After<'a> {
    sub_campaign: &'a str,
    service: &'a ServiceBody,
    actions: &'a [ActionBody],
    diagnosis: &'a DiagnosisBody,
    competitor_offer: &'a OfferBody,
    closure: &'a ClosureBody,
}

type Parameter<'a> = &'a (dyn ToSql + Sync);
type Chosen = (Option<i64>, Choice);

fn chosen(choices: &Choices, catalog: &str, code: Option<&str>) -> Result<Chosen, Failure> {
    match code {
        None => Ok((None, None)),
        Some(code) => match choices.get(catalog).and_then(|c| c.get(code)) {
            Some((id, choice)) => Ok((Some(*id), Some(choice.clone()))),
            None => Err(Failure::Invalid("unknown_choice".to_string())),
        },
    }
}

fn masked(phone: &str) -> String {
    format!("***{}", &phone[phone.len().saturating_sub(3)..])
}

fn parameter(choice: &Choice) -> Option<Json<&RawValue>> {
    choice.as_deref().map(Json)
}

pub async fn typification_create(server: &Server, caller: &Caller, body: &[u8]) -> Result<Response<Body>, Failure> {
    let mut body: Typification = serde_json::from_slice(body).map_err(|_| Failure::Invalid("invalid".to_string()))?;
    let client_id: i64 = body.client_id.parse().map_err(|_| Failure::Invalid("invalid".to_string()))?;
    let choices: Arc<Choices> = server.pool.choices();
    let find = |catalog: &str, code: &Option<String>| chosen(&choices, catalog, code.as_deref());
    let campaign = chosen(&choices, "campaign", Some("consulta-previa-prepago"))?;
    let sub_campaign = chosen(&choices, "sub_campaign", Some(&body.sub_campaign))?;
    let stage_code = body.closure.stage.as_deref().unwrap_or("en-proceso");
    let stage = chosen(&choices, "stage", Some(stage_code))?;
    let is_final = stage_code != "en-proceso";
    let reason = find("cancellation_reason", &body.diagnosis.reason)?;
    let plan = find("competitor_plan", &body.competitor_offer.plan)?;
    let offer = find("competitor_offer", &body.competitor_offer.offer)?;
    let channel = find("offer_channel", &body.competitor_offer.channel)?;
    let operator = find("operator", &body.competitor_offer.operator)?;
    let acceptance = find("advertising_acceptance", &body.closure.advertising_acceptance)?;
    let mut actions = Vec::new();
    for a in &body.actions {
        actions.push((chosen(&choices, "retention_action", Some(&a.action))?, find("final_state", &a.final_state)?));
    }
    let origin_phone = phone(&body.contact.origin_phone);
    let phone_to_manage = body.competitor_offer.phone_to_manage.as_deref().map(phone);
    let additional_line = body.competitor_offer.additional_line.as_deref().map(phone);
    body.competitor_offer.phone_to_manage = phone_to_manage.as_deref().map(masked);
    body.competitor_offer.additional_line = additional_line.as_deref().map(masked);
    let asked = body.contact.ownership_check.as_ref().map(|c| c.asked);
    let right = body.contact.ownership_check.as_ref().map(|c| c.right);
    let after = serde_json::value::to_raw_value(&After {
        sub_campaign: &body.sub_campaign,
        service: &body.service,
        actions: &body.actions,
        diagnosis: &body.diagnosis,
        competitor_offer: &body.competitor_offer,
        closure: &body.closure,
    })
    .map(Json)
    .map_err(|_| Failure::Internal)?;

    let mut guard = server.pool.next().write().await;
    let db = &mut *guard;
    let tx = db.client.transaction().await?;
    // One round trip: the driver pipelines the statements in this order.
    let contact_values: [Parameter; 6] = [&client_id, &caller.advisor, &origin_phone, &body.contact.serial_number, &asked, &right];
    let json_of =
        [&campaign, &sub_campaign, &stage, &reason, &plan, &offer, &channel, &operator, &acceptance].map(|c| parameter(&c.1));
    let opportunity_values: [Parameter; 26] = [
        &client_id,
        &caller.advisor,
        &campaign.0,
        &json_of[0],
        &sub_campaign.0,
        &json_of[1],
        &stage.0,
        &json_of[2],
        &is_final,
        &body.service.current_plan,
        &body.service.activation_date,
        &body.service.prior_consultation,
        &reason.0,
        &json_of[3],
        &plan.0,
        &json_of[4],
        &offer.0,
        &json_of[5],
        &channel.0,
        &json_of[6],
        &operator.0,
        &json_of[7],
        &phone_to_manage,
        &additional_line,
        &acceptance.0,
        &json_of[8],
    ];
    let (statement, consent_statement) = (&db.action_add, &db.consent_add);
    let insert_actions = future::try_join_all(actions.iter().map(|(a, f)| {
        let tx = &tx;
        async move { tx.query_one(statement, &[&a.0, &parameter(&a.1), &f.0, &parameter(&f.1)]).await }
    }));
    let insert_consent = async {
        match acceptance.0 {
            Some(id) => tx.execute(consent_statement, &[&client_id, &caller.advisor, &id, &json_of[8]]).await,
            None => Ok(0),
        }
    };
    let parties_values: [Parameter; 2] = [&client_id, &caller.advisor];
    let audit_values: [Parameter; 5] = [&caller.advisor, &caller.session, &caller.address, &client_id, &after];
    let (parties, contact, made, action_rows, _, _) = futures_util::try_join!(
        tx.query_opt(&db.parties, &parties_values),
        tx.query_one(&db.contact_add, &contact_values),
        tx.query_one(&db.opportunity_add, &opportunity_values),
        insert_actions,
        insert_consent,
        tx.execute(&db.audit_add, &audit_values)
    )?;
    let parties = parties.ok_or_else(|| Failure::Invalid("client_unknown".to_string()))?;
    tx.commit().await?;
    drop(guard);

    let mut one = Opportunity {
        id: made.get(0),
        client_id,
        contact_id: contact.get(0),
        campaign: campaign.1,
        sub_campaign: sub_campaign.1,
        stage: stage.1.clone(),
        advisor: Advisor { id: caller.advisor, username: parties.get(1), full_name: parties.get(2) },
        service: Service {
            current_plan: body.service.current_plan,
            activation_date: body.service.activation_date,
            prior_consultation: body.service.prior_consultation,
        },
        actions: action_rows
            .iter()
            .zip(actions)
            .map(|(row, (a, f))| Action { id: row.get(0), action: a.1, final_state: f.1 })
            .collect(),
        diagnosis: Diagnosis { reason: reason.1 },
        competitor_offer: CompetitorOffer {
            plan: plan.1,
            offer: offer.1,
            channel: channel.1,
            operator: operator.1,
            phone_to_manage,
            additional_line,
        },
        closure: Closure { advertising_acceptance: acceptance.1, stage: stage.1, closed_at: made.get(3) },
        missing: Vec::new(),
        follow_up: None,
        voided: None,
        reopened: None,
        created_at: made.get(1),
        updated_at: made.get(2),
        other_open: parties.get(3),
    };
    one.set_missing();
    let mut response = json(StatusCode::CREATED, &one);
    let location = format!("/v1/opportunities/{}", one.id);
    response.headers_mut().insert(header::LOCATION, header::HeaderValue::from_str(&location).unwrap());
    Ok(response)
}
