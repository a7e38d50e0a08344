use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use futures_util::future;
use hyper::{Body, Response, StatusCode};
use serde_json::value::RawValue;
use tokio_postgres::types::Json;
use tokio_postgres::Row;

use crate::shapes::*;
use crate::{json, Failure, Server};

const PAGE: usize = 15;

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Normalises '+51 944 264 648' to '944264648'.
pub fn phone(written: &str) -> String {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(9)..].to_string()
}

/// A cursor holds the instant, in microseconds, and the id of the page's last item.
fn before(query: &str) -> Result<(DateTime<Utc>, i64), Failure> {
    match parameter(query, "cursor") {
        None => Ok((Utc.with_ymd_and_hms(9999, 1, 1, 0, 0, 0).unwrap(), 0)),
        Some(text) => {
            let (at, id) = text.split_once('-').ok_or(Failure::BadRequest)?;
            let at: i64 = at.parse().map_err(|_| Failure::BadRequest)?;
            let at = Utc.timestamp_opt(at / 1_000_000, (at % 1_000_000 * 1000) as u32).single().ok_or(Failure::BadRequest)?;
            Ok((at, id.parse().map_err(|_| Failure::BadRequest)?))
        }
    }
}

fn cursor(at: DateTime<Utc>, id: i64) -> String {
    format!("{}-{}", at.timestamp_micros(), id)
}

fn choice(row: &Row, column: usize) -> Choice {
    row.get::<_, Option<Json<&RawValue>>>(column).map(|Json(text)| Arc::from(text.to_owned()))
}

fn client(row: &Row) -> Client {
    let birth: Option<NaiveDate> = row.get(8);
    // A withdrawn consent has no answer.
    let advertising = choice(row, 24).map(|acceptance| Advertising {
        acceptance: Some(acceptance),
        at: row.get(25),
        opportunity_id: row.get(26),
        advisor: Advisor { id: row.get(27), username: row.get(28), full_name: row.get(29) },
    });
    Client {
        id: row.get(0),
        name: row.get(1),
        document_type: choice(row, 2),
        document_number: row.get(3),
        external_id: row.get(4),
        phone: row.get(5),
        email: row.get(6),
        gender: row.get(7),
        birth_date: birth,
        legal_representative: row.get(9),
        sales: Sales { lines: row.get(10), plan: row.get(11), activation_date: row.get(12) },
        summary_360: Summary {
            trac_profile: row.get(13),
            observed: row.get(14),
            claro_points: row.get(15),
            segment: row.get(16),
            mi_claro: row.get(17),
        },
        experience: Experience {
            birthday_today: birth.map(birthday_today),
            expiring_points: row.get(18),
            overdue_payment: row.get(19),
            latam_partner: row.get(20),
        },
        created_at: row.get(21),
        updated_at: row.get(22),
        erased_at: row.get(23),
        advertising,
    }
}

fn opportunity(row: &Row) -> Opportunity {
    let stage = choice(row, 5);
    let voided = row.get::<_, Option<DateTime<Utc>>>(18).map(|at| Voided {
        at,
        advisor: Advisor { id: row.get(25), username: row.get(26), full_name: row.get(27) },
        reason: row.get(19),
    });
    Opportunity {
        id: row.get(0),
        client_id: row.get(1),
        contact_id: row.get(2),
        campaign: choice(row, 3),
        sub_campaign: choice(row, 4),
        stage: stage.clone(),
        advisor: Advisor { id: row.get(22), username: row.get(23), full_name: row.get(24) },
        service: Service { current_plan: row.get(6), activation_date: row.get(7), prior_consultation: row.get(8) },
        actions: Vec::new(),
        diagnosis: Diagnosis { reason: choice(row, 9) },
        competitor_offer: CompetitorOffer {
            plan: choice(row, 10),
            offer: choice(row, 11),
            channel: choice(row, 12),
            operator: choice(row, 13),
            phone_to_manage: row.get(14),
            additional_line: row.get(15),
        },
        closure: Closure { advertising_acceptance: choice(row, 16), stage, closed_at: row.get(17) },
        missing: Vec::new(),
        follow_up: row.get::<_, Option<DateTime<Utc>>>(28).map(|at| FollowUp { at, note: row.get(29) }),
        voided,
        reopened: row.get::<_, Option<DateTime<Utc>>>(30).map(|at| Reopened {
            at,
            advisor: Advisor { id: row.get(31), username: row.get(32), full_name: row.get(33) },
        }),
        created_at: row.get(20),
        updated_at: row.get(21),
        other_open: row.get(34),
    }
}

fn action(row: &Row) -> Action {
    Action { id: row.get(1), action: choice(row, 2), final_state: choice(row, 3) }
}

pub async fn client_search(server: &Server, query: &str) -> Result<Response<Body>, Failure> {
    let number = phone(parameter(query, "phone").ok_or(Failure::BadRequest)?);
    let (at, id) = before(query)?;
    let db = server.pool.next().read().await;
    let rows = db.client.query(&db.search, &[&number, &at, &id, &(PAGE as i64 + 1)]).await?;
    drop(db);
    let items: Vec<Client> = rows.iter().take(PAGE).map(client).collect();
    let next = if rows.len() > PAGE { items.last().map(|c| cursor(c.created_at, c.id)) } else { None };
    Ok(json(StatusCode::OK, &Page { items: &items, next }))
}

pub async fn opportunity_get(server: &Server, id: i64) -> Result<Response<Body>, Failure> {
    let db = server.pool.next().read().await;
    // One round trip: the driver pipelines.
    let (found, actions) =
        future::try_join(db.client.query_opt(&db.opportunity, &[&id]), db.client.query(&db.actions, &[&id])).await?;
    drop(db);
    let mut one = opportunity(&found.ok_or(Failure::NotFound)?);
    one.actions = actions.iter().map(action).collect();
    one.set_missing();
    Ok(json(StatusCode::OK, &one))
}

pub async fn client_opportunity_list(server: &Server, client_id: i64, query: &str) -> Result<Response<Body>, Failure> {
    let (at, id) = before(query)?;
    let db = server.pool.next().read().await;
    let rows = db.client.query(&db.list, &[&client_id, &at, &id, &(PAGE as i64 + 1)]).await?;
    if rows.is_empty() {
        db.client.query_opt(&db.client_exists, &[&client_id]).await?.ok_or(Failure::NotFound)?;
    }
    let mut items: Vec<Opportunity> = rows.iter().take(PAGE).map(opportunity).collect();
    let ids: Vec<i64> = items.iter().map(|o| o.id).collect();
    let actions = db.client.query(&db.actions_of, &[&ids]).await?;
    drop(db);
    let place: HashMap<i64, usize> = ids.iter().enumerate().map(|(n, id)| (*id, n)).collect();
    for row in &actions {
        items[place[&row.get::<_, i64>(0)]].actions.push(action(row));
    }
    items.iter_mut().for_each(Opportunity::set_missing);
    let next = if rows.len() > PAGE { items.last().map(|o| cursor(o.created_at, o.id)) } else { None };
    Ok(json(StatusCode::OK, &Page { items: &items, next }))
}
