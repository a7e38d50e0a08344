#!/usr/bin/env python3
"""The whole call of the manual, with only Python's standard library.

GESTOR_URL is the service's address, GESTOR_USERNAME and GESTOR_PASSWORD are the advisor's.
"""

import datetime
import hashlib
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("GESTOR_URL", "http://127.0.0.1:8080")
USERNAME = os.environ.get("GESTOR_USERNAME")
PASSWORD = os.environ.get("GESTOR_PASSWORD")
TRIES = 5
# A renewal this long before the access token ends meets no request that is under way with the old one.
RENEWAL_SECONDS = 60
# America/Lima has no daylight saving time.
LIMA = datetime.timezone(datetime.timedelta(hours=-5))


def day_in_lima(instant):
    """The day at the desk of an instant in UTC: from 19:00 on it is a day earlier in Lima."""
    return datetime.datetime.fromisoformat(instant.replace("Z", "+00:00")).astimezone(LIMA).strftime("%d/%m/%Y")


class Problem(Exception):
    """An answer of 4xx or 5xx: application/problem+json (RFC 9457)."""

    def __init__(self, problem):
        super().__init__(problem.get("code"))
        self.status = problem.get("status")
        self.code = problem.get("code")  # stable: for programs; title and detail are for people
        self.problem = problem

    def is_temporary(self):
        """Whether the same request, with the same key, may succeed later. 409 idempotency_key_in_use: an earlier try of it is
        still under way, and the next one gets its answer."""
        return self.status in (502, 503, 504) or self.code == "idempotency_key_in_use"

    def __str__(self):
        p = self.problem
        lines = [f"{self.status} {self.code}: {p.get('title')}. {p.get('detail')} [request {p.get('request_id')}]"]
        for fault in p.get("errors", []):  # a 422 names every fault of the request at once
            allowed = f" Allowed: {', '.join(fault['allowed'])}" if "allowed" in fault else ""
            lines.append(f"  {fault['label']} ({fault['pointer']}): {fault['detail']}{allowed}")
        if self.status == 412:
            lines.append("Somebody changed the record since it was read: read it again, then decide.")
        return "\n".join(lines)


class Gestor:
    def __init__(self, url):
        self.url = url
        self.session = None
        self.renew_at = 0

    def sign_in(self, username, password):
        """Every further request sends the access token, which is valid for 15 minutes."""
        self.keep(self.send("POST", "/v1/sessions", {"username": username, "password": password})[0])

    def keep(self, session):
        self.session = session
        self.renew_at = time.monotonic() + session["expires_in"] - RENEWAL_SECONDS

    def renew(self):
        """Gets new tokens. A refresh token can be used once; with a key derived from it, a retry after a lost answer, and
        another program that holds the same one, get the same new tokens."""
        token = self.session["refresh_token"]
        key = hashlib.sha256(token.encode()).hexdigest()
        self.session = None
        self.keep(self.send("POST", "/v1/sessions/refresh", {"refresh_token": token}, Idempotency_Key=key)[0])

    def request(self, method, path, body=None, **headers):
        """Sends a request of the session; returns (body, headers) of its answer, or raises Problem."""
        if time.monotonic() >= self.renew_at:
            self.renew()
        return self.send(method, path, body, **headers)

    def send(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        headers["Accept-Language"] = "es"
        if self.session:
            headers["Authorization"] = f"Bearer {self.session['access_token']}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        if method != "GET":
            # The same key at every try: however often the request arrives, the service executes it once.
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        data = None if body is None else json.dumps(body).encode()
        for left in reversed(range(TRIES)):
            pause = 2 ** (TRIES - 1 - left) / 2
            try:
                request = urllib.request.Request(self.url + path, data, headers, method=method)
                with urllib.request.urlopen(request, timeout=15) as answer:
                    text = answer.read()
                    return (json.loads(text) if text else None), answer.headers
            except urllib.error.HTTPError as e:  # an answer of 4xx or 5xx
                problem = Problem(problem_of(e))
                if left == 0 or not problem.is_temporary():
                    raise problem from None
                pause = int(e.headers.get("Retry-After", pause))
            except (OSError, http.client.HTTPException):  # no answer
                if left == 0:
                    raise
            time.sleep(pause)


def problem_of(e):
    """The problem document of an answer; a proxy in between may have sent another format."""
    if e.headers.get_content_type() == "application/problem+json":
        return json.load(e)
    return {"status": e.code, "code": None, "title": e.reason, "detail": ""}


def main():
    if not USERNAME or not PASSWORD:
        sys.exit("Set GESTOR_USERNAME and GESTOR_PASSWORD")
    gestor = Gestor(URL)

    # 1. Sign in. The client renews the tokens by itself; here at once.
    gestor.sign_in(USERNAME, PASSWORD)
    gestor.renew()

    # 2. Find the client by mobile number. Without a match the list is empty; that is not an error.
    found, _ = gestor.request("GET", "/v1/clients?phone=944264648")
    if not found["items"]:
        sys.exit("No client has this number: register the client with POST /v1/clients")
    client = found["items"][0]
    print(f"Client: {client['name']}, {client['document_type']['label']} {client['document_number']}")

    # 3. The history.
    history, _ = gestor.request("GET", f"/v1/clients/{client['id']}/opportunities?limit=5")
    for o in history["items"]:
        print(f"  {o['id']}  {o['campaign']['label']}  {o['stage']['label']}  {day_in_lima(o['created_at'])}  {o['advisor']['full_name']}")

    # 4. Register the contact; the advisor reads the greeting to the client.
    contact, _ = gestor.request("POST", f"/v1/clients/{client['id']}/contacts", {
        "origin_phone": "944264648", "serial_number": "2505050000125674", "ownership_check": {"asked": 3, "right": 3}})
    print(contact["greeting"])

    # 5. Generate the opportunity. Its answer has the entity tag of each part, as the advisor sees them from here on.
    opportunity, _ = gestor.request("POST", "/v1/opportunities", {"contact_id": contact["id"], "sub_campaign": "entel"})
    at = f"/v1/opportunities/{opportunity['id']}"

    # 6. Fill in the form. A choice is one code, its whole path; GET /v1/catalogs/{catalog} lists the codes.
    gestor.request("POST", f"{at}/actions", {"action": "bono-gb.bono-4-gb-por-12-meses", "final_state": "atendido"})
    gestor.request("PUT", f"{at}/diagnosis", {"reason": "precio-y-contenido.contenido-prepago.la-recarga-me-dura-pocos-dias"})
    gestor.request("PUT", f"{at}/competitor-offer", {
        "plan": "postpago-39-90", "offer": "50-x-6-meses", "channel": "telefonico", "operator": "movistar",
        "phone_to_manage": "944264648"})

    # 7. Close the opportunity. If-Match has the tag of the closure as it was in step 5, so a change that somebody made meanwhile
    # is not overwritten. A tag read just before this request would match in any case.
    gestor.request("PUT", f"{at}/closure", {"advertising_acceptance": "acepto", "stage": "retenido"},
                   If_Match=opportunity["etags"]["closure"])

    # 8. Read it back, and sign out: both tokens end at once.
    opportunity, _ = gestor.request("GET", at)
    print(f"Opportunity {opportunity['id']}: {opportunity['stage']['label']}")
    gestor.request("DELETE", "/v1/sessions/current")


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        sys.exit(str(problem))
    except (OSError, http.client.HTTPException) as e:
        sys.exit(f"{URL} does not answer: {e}")
