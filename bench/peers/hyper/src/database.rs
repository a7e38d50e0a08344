use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::RwLock;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Error, NoTls, Statement};

use crate::Server;

pub struct Connection {
    pub client: Client,
    pub search: Statement,
    pub opportunity: Statement,
    pub actions: Statement,
    pub list: Statement,
    pub actions_of: Statement,
    pub client_exists: Statement,
    pub parties: Statement,
    pub contact_add: Statement,
    pub opportunity_add: Statement,
    pub action_add: Statement,
    pub consent_add: Statement,
    pub audit_add: Statement,
}

pub type Choices = HashMap<String, HashMap<String, (i64, Arc<RawValue>)>>;

/// Reads share a connection, and the driver pipelines their queries. A transaction uses a connection alone.
pub struct Pool {
    connections: Vec<RwLock<Connection>>,
    turn: AtomicUsize,
    choices: std::sync::RwLock<Arc<Choices>>,
}

impl Pool {
    pub async fn connect(url: &str, size: usize) -> Result<Pool, Error> {
        let mut connections = Vec::new();
        let mut choices = Choices::new();
        for _ in 0..size {
            let (client, task) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(async move {
                if let Err(error) = task.await {
                    eprintln!("{}", error);
                    std::process::exit(1);
                }
            });
            choices = load(&client).await?;
            connections.push(RwLock::new(prepare(client).await?));
        }
        Ok(Pool { connections, turn: AtomicUsize::new(0), choices: std::sync::RwLock::new(Arc::new(choices)) })
    }

    pub fn next(&self) -> &RwLock<Connection> {
        &self.connections[self.turn.fetch_add(1, Ordering::Relaxed) % self.connections.len()]
    }

    pub fn choices(&self) -> Arc<Choices> {
        self.choices.read().unwrap().clone()
    }
}

/// Reads the catalogues, which are kept in memory, again every minute.
pub async fn refresh(server: Arc<Server>) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        match load(&server.pool.next().read().await.client).await {
            Ok(choices) => *server.pool.choices.write().unwrap() = Arc::new(choices),
            Err(error) => eprintln!("{}", error),
        }
    }
}

async fn load(client: &Client) -> Result<Choices, Error> {
    let sql = "select c.code, i.code, i.id, i.choice from catalog_item i join catalog c on c.id = i.catalog_id where i.selectable";
    let mut all = Choices::new();
    for row in client.query(sql, &[]).await? {
        let Json(choice): Json<Box<RawValue>> = row.get(3);
        all.entry(row.get(0)).or_default().insert(row.get(1), (row.get(2), Arc::from(choice)));
    }
    Ok(all)
}

const OPPORTUNITY: &str =
    "select o.id, o.client_id, o.contact_id, o.campaign, o.sub_campaign, o.stage, o.current_plan, o.activation_date,
    o.prior_consultation, o.reason, o.competitor_plan, o.competitor_offer, o.offer_channel, o.operator, o.phone_to_manage,
    o.additional_line, o.advertising_acceptance, o.closed_at, o.voided_at, o.void_reason, o.created_at, o.updated_at,
    a.id, a.username, a.full_name, v.id, v.username, v.full_name, o.follow_up_at, o.follow_up_note,
    o.reopened_at, w.id, w.username, w.full_name,
    array(select y.id::text from opportunity y where y.client_id = o.client_id and y.id <> o.id and y.closed_at is null
        and y.voided_at is null order by y.id desc)
    from opportunity o join advisor a on a.id = o.advisor_id left join advisor v on v.id = o.voided_by
    left join advisor w on w.id = o.reopened_by";

async fn prepare(client: Client) -> Result<Connection, Error> {
    let search = client
        .prepare(
            "select c.id, c.name, c.document_type, c.document_number, c.external_id, c.phone, c.email, c.gender, c.birth_date,
            c.legal_representative, c.lines, c.plan, c.activation_date, c.trac_profile, c.observed, c.claro_points, c.segment,
            c.mi_claro, c.expiring_points, c.overdue_payment, c.latam_partner, c.created_at, c.updated_at, c.erased_at,
            n.advertising_acceptance, n.created_at, n.opportunity_id, a.id, a.username, a.full_name
            from client_phone p join client c on c.id = p.client_id
            left join lateral (select advertising_acceptance, created_at, opportunity_id, advisor_id from consent
                where client_id = c.id order by created_at desc, id desc limit 1) n on true
            left join advisor a on a.id = n.advisor_id
            where p.phone = $1 and (c.created_at, c.id) < ($2, $3)
            order by c.created_at desc, c.id desc limit $4",
        )
        .await?;
    let opportunity = client.prepare(&format!("{} where o.id = $1", OPPORTUNITY)).await?;
    let actions =
        client.prepare("select opportunity_id, id, action, final_state from action where opportunity_id = $1 order by id").await?;
    let list = client
        .prepare(&format!(
            "{} where o.client_id = $1 and o.voided_at is null and (o.created_at, o.id) < ($2, $3)
            order by o.created_at desc, o.id desc limit $4",
            OPPORTUNITY
        ))
        .await?;
    let actions_of = client
        .prepare("select opportunity_id, id, action, final_state from action where opportunity_id = any($1) order by id")
        .await?;
    let client_exists = client.prepare("select id from client where id = $1").await?;
    let parties = client
        .prepare(
            "select c.id, a.username, a.full_name,
            array(select y.id::text from opportunity y
                where y.client_id = c.id and y.closed_at is null and y.voided_at is null order by y.id desc)
            from client c, advisor a where c.id = $1 and a.id = $2",
        )
        .await?;
    let contact_add = client
        .prepare(
            "insert into contact (client_id, advisor_id, origin_phone, serial_number, asked, \"right\")
            values ($1, $2, $3, $4, $5, $6) returning id",
        )
        .await?;
    let opportunity_add = client
        .prepare(
            "insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign,
            stage_id, stage, closed_at, current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id,
            competitor_plan, competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
            phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance)
            values ($1, currval('contact_id_seq'), $2, $3, $4, $5, $6, $7, $8, case when $9::boolean then now() end, $10, $11, $12,
            $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) returning id, created_at, updated_at, closed_at",
        )
        .await?;
    let action_add = client
        .prepare(
            "insert into action (opportunity_id, action_id, action, final_state_id, final_state)
            values (currval('opportunity_id_seq'), $1, $2, $3, $4) returning id",
        )
        .await?;
    let consent_add = client
        .prepare(
            "insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id,
            advertising_acceptance)
            values ($1, currval('opportunity_id_seq'), currval('contact_id_seq'), $2, $3, $4)",
        )
        .await?;
    let audit_add = client
        .prepare(
            "insert into audit (advisor_id, session_id, address, operation, object_type, object_id, action, client_id,
            opportunity_id, after)
            values ($1, $2, $3, 'typification_create', 'opportunity', currval('opportunity_id_seq'), 'insert', $4,
            currval('opportunity_id_seq'), $5)",
        )
        .await?;
    Ok(Connection {
        client,
        search,
        opportunity,
        actions,
        list,
        actions_of,
        client_exists,
        parties,
        contact_add,
        opportunity_add,
        action_add,
        consent_add,
        audit_add,
    })
}
