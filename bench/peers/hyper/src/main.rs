// hyper - the peer in Rust: hyper, tokio-postgres, jsonwebtoken and serde_json. See "Against peers" in
// docs/performance.md.
//
//     LISTEN=127.0.0.1:PORT DATABASE_URL=... JWT_SECRET=... hyper-peer

mod database;
mod read;
mod shapes;
mod write;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use hyper::service::{make_service_fn, service_fn};
use hyper::{header, Body, Method, Request, Response, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};

pub struct Server {
    pool: database::Pool,
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    sid: String,
}

pub struct Caller {
    advisor: i64,
    session: i64,
    address: std::net::IpAddr,
}

pub enum Failure {
    NotFound,
    BadRequest,
    Unauthorized,
    Invalid(String),
    Internal,
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(e) if e.code().code().starts_with("23") => Failure::Invalid(e.constraint().unwrap_or("").to_string()),
            _ => {
                eprintln!("{:?}", error);
                Failure::Internal
            }
        }
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    status: u16,
    code: &'a str,
}

impl Failure {
    fn response(&self) -> Response<Body> {
        let (status, code) = match self {
            Failure::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Failure::BadRequest => (StatusCode::BAD_REQUEST, "bad_request"),
            Failure::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Failure::Invalid(what) => (StatusCode::UNPROCESSABLE_ENTITY, what.as_str()),
            Failure::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        json(status, &Problem { status: status.as_u16(), code })
    }
}

pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<Body> {
    let body = serde_json::to_vec(value).unwrap();
    Response::builder().status(status).header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap()
}

impl Server {
    fn authenticate(&self, request: &Request<Body>, address: std::net::IpAddr) -> Option<Caller> {
        let token = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
        Some(Caller { advisor: claims.sub.parse().ok()?, session: claims.sid.parse().ok()?, address })
    }

    async fn answer(&self, request: Request<Body>, address: std::net::IpAddr) -> Result<Response<Body>, Failure> {
        if request.uri().path() == "/livez" {
            return Ok(json(StatusCode::OK, &HashMap::from([("status", "ok")])));
        }
        let caller = self.authenticate(&request, address).ok_or(Failure::Unauthorized)?;
        let uri = request.uri().clone();
        let path: Vec<&str> = uri.path().split('/').skip(1).collect();
        let query = uri.query().unwrap_or("");
        match (request.method(), path.as_slice()) {
            (&Method::GET, ["v1", "clients"]) => read::client_search(self, query).await,
            (&Method::GET, ["v1", "clients", id, "opportunities"]) => {
                read::client_opportunity_list(self, id.parse().map_err(|_| Failure::NotFound)?, query).await
            }
            (&Method::GET, ["v1", "opportunities", id]) => {
                read::opportunity_get(self, id.parse().map_err(|_| Failure::NotFound)?).await
            }
            (&Method::POST, ["v1", "typifications"]) => {
                let body = hyper::body::to_bytes(request.into_body()).await.map_err(|_| Failure::BadRequest)?;
                write::typification_create(self, &caller, &body).await
            }
            _ => Err(Failure::NotFound),
        }
    }
}

#[tokio::main]
async fn main() {
    let env = |name| std::env::var(name).unwrap_or_else(|_| panic!("{} is not set", name));
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["gestor"]);
    validation.set_audience(&["gestor-api"]);
    let pool = database::Pool::connect(&env("DATABASE_URL"), 4).await.expect("database");
    let server = Arc::new(Server { pool, key: DecodingKey::from_secret(env("JWT_SECRET").as_bytes()), validation });
    tokio::spawn(database::refresh(server.clone()));
    let serve = make_service_fn(move |connection: &hyper::server::conn::AddrStream| {
        let server = server.clone();
        let address = connection.remote_addr().ip();
        async move {
            Ok::<_, Infallible>(service_fn(move |request| {
                let server = server.clone();
                async move { Ok::<_, Infallible>(server.answer(request, address).await.unwrap_or_else(|failure| failure.response())) }
            }))
        }
    });
    let address = env("LISTEN").parse().expect("LISTEN");
    hyper::Server::bind(&address).tcp_nodelay(true).serve(serve).await.unwrap();
}
