use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

pub type Choice = Option<Arc<RawValue>>;

/// The desk's day, in Lima.
fn today() -> NaiveDate {
    (Utc::now() - chrono::Duration::hours(5)).naive_utc().date()
}

/// The 29th of February counts as the 28th in a common year.
pub fn birthday_today(birth: NaiveDate) -> bool {
    let day = today();
    birth.month() == day.month() && birth.day() == day.day()
        || birth.month() == 2
            && birth.day() == 29
            && day.month() == 2
            && day.day() == 28
            && (day + chrono::Duration::days(1)).day() == 1
}

fn instant<S: Serializer>(at: &DateTime<Utc>, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&at.format("%Y-%m-%dT%H:%M:%S%.6fZ"))
}

fn instant_or_null<S: Serializer>(at: &Option<DateTime<Utc>>, s: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => instant(at, s),
        None => s.serialize_none(),
    }
}

fn id<S: Serializer>(id: &i64, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(id)
}

fn id_or_null<S: Serializer>(value: &Option<i64>, s: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => id(value, s),
        None => s.serialize_none(),
    }
}

fn choice<S: Serializer>(value: &Choice, s: S) -> Result<S::Ok, S::Error> {
    value.as_deref().serialize(s)
}

#[derive(Serialize)]
pub struct Page<'a, T> {
    pub items: &'a [T],
    pub next: Option<String>,
}

#[derive(Serialize)]
pub struct Advisor {
    #[serde(serialize_with = "id")]
    pub id: i64,
    pub username: Option<String>,
    pub full_name: String,
}

#[derive(Serialize)]
pub struct Advertising {
    #[serde(serialize_with = "choice")]
    pub acceptance: Choice,
    #[serde(serialize_with = "instant")]
    pub at: DateTime<Utc>,
    pub advisor: Advisor,
    #[serde(serialize_with = "id")]
    pub opportunity_id: i64,
}

#[derive(Serialize)]
pub struct Sales {
    pub lines: Option<Vec<String>>,
    pub plan: Option<String>,
    pub activation_date: Option<NaiveDate>,
}

#[derive(Serialize)]
pub struct Summary {
    pub trac_profile: Option<String>,
    pub observed: Option<bool>,
    pub claro_points: Option<i32>,
    pub segment: Option<String>,
    pub mi_claro: Option<bool>,
}

#[derive(Serialize)]
pub struct Experience {
    pub birthday_today: Option<bool>,
    pub expiring_points: Option<i32>,
    pub overdue_payment: Option<String>,
    pub latam_partner: Option<bool>,
}

#[derive(Serialize)]
pub struct Client {
    #[serde(serialize_with = "id")]
    pub id: i64,
    pub name: String,
    #[serde(serialize_with = "choice")]
    pub document_type: Choice,
    pub document_number: String,
    pub external_id: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub gender: Option<String>,
    pub birth_date: Option<NaiveDate>,
    pub legal_representative: Option<String>,
    pub sales: Sales,
    pub summary_360: Summary,
    pub experience: Experience,
    #[serde(serialize_with = "instant")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "instant")]
    pub updated_at: DateTime<Utc>,
    #[serde(serialize_with = "instant_or_null")]
    pub erased_at: Option<DateTime<Utc>>,
    pub advertising: Option<Advertising>,
}

#[derive(Serialize)]
pub struct Service {
    pub current_plan: Option<String>,
    pub activation_date: Option<NaiveDate>,
    pub prior_consultation: Option<bool>,
}

#[derive(Serialize)]
pub struct Action {
    #[serde(serialize_with = "id")]
    pub id: i64,
    #[serde(serialize_with = "choice")]
    pub action: Choice,
    #[serde(serialize_with = "choice")]
    pub final_state: Choice,
}

#[derive(Serialize)]
pub struct Diagnosis {
    #[serde(serialize_with = "choice")]
    pub reason: Choice,
}

#[derive(Serialize)]
pub struct CompetitorOffer {
    #[serde(serialize_with = "choice")]
    pub plan: Choice,
    #[serde(serialize_with = "choice")]
    pub offer: Choice,
    #[serde(serialize_with = "choice")]
    pub channel: Choice,
    #[serde(serialize_with = "choice")]
    pub operator: Choice,
    pub phone_to_manage: Option<String>,
    pub additional_line: Option<String>,
}

#[derive(Serialize)]
pub struct Closure {
    #[serde(serialize_with = "choice")]
    pub advertising_acceptance: Choice,
    #[serde(serialize_with = "choice")]
    pub stage: Choice,
    #[serde(serialize_with = "instant_or_null")]
    pub closed_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
pub struct Voided {
    #[serde(serialize_with = "instant")]
    pub at: DateTime<Utc>,
    pub advisor: Advisor,
    pub reason: Option<String>,
}

#[derive(Serialize)]
pub struct FollowUp {
    #[serde(serialize_with = "instant")]
    pub at: DateTime<Utc>,
    pub note: Option<String>,
}

#[derive(Serialize)]
pub struct Reopened {
    #[serde(serialize_with = "instant")]
    pub at: DateTime<Utc>,
    pub advisor: Advisor,
}

#[derive(Serialize)]
pub struct Opportunity {
    #[serde(serialize_with = "id")]
    pub id: i64,
    #[serde(serialize_with = "id")]
    pub client_id: i64,
    #[serde(serialize_with = "id_or_null")]
    pub contact_id: Option<i64>,
    #[serde(serialize_with = "choice")]
    pub campaign: Choice,
    #[serde(serialize_with = "choice")]
    pub sub_campaign: Choice,
    #[serde(serialize_with = "choice")]
    pub stage: Choice,
    pub advisor: Advisor,
    pub service: Service,
    pub actions: Vec<Action>,
    pub diagnosis: Diagnosis,
    pub competitor_offer: CompetitorOffer,
    pub closure: Closure,
    pub missing: Vec<&'static str>,
    pub follow_up: Option<FollowUp>,
    pub voided: Option<Voided>,
    pub reopened: Option<Reopened>,
    #[serde(serialize_with = "instant")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "instant")]
    pub updated_at: DateTime<Utc>,
    pub other_open: Vec<String>,
}

impl Opportunity {
    /// Lists what an open opportunity lacks for a final stage.
    pub fn set_missing(&mut self) {
        if self.closure.closed_at.is_some() {
            return;
        }
        if self.actions.is_empty() {
            self.missing.push("actions");
        }
        if self.actions.iter().any(|a| a.final_state.is_none()) {
            self.missing.push("actions.final_state");
        }
        if self.diagnosis.reason.is_none() {
            self.missing.push("diagnosis.reason");
        }
        if self.competitor_offer.phone_to_manage.is_none() {
            self.missing.push("competitor_offer.phone_to_manage");
        }
        if self.closure.advertising_acceptance.is_none() {
            self.missing.push("closure.advertising_acceptance");
        }
    }
}
