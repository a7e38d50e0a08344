#!/usr/bin/env python3
"""A nightly copy of closed opportunities and their clients, from the feed of events; with only Python's standard library.

It keeps its place in a file. Killed at any moment, it goes on from there at the next run: the place is written after the records that
belong to it, so an event may be worked on twice, and none is left out. Events have no values; a record is read as it is now.

GESTOR_URL is the service's address, GESTOR_CLIENT_ID and GESTOR_CLIENT_SECRET are an integration's username and secret; it needs the
rights events, client_read and opportunity_read. SYNC_DIRECTORY is where the copies and the place are kept; `sync` by default. SYNC_WAIT are seconds to wait for
further events before it ends; 0 by default.
"""

import json
import os
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ.get("GESTOR_URL", "http://127.0.0.1:8080")
DIRECTORY = pathlib.Path(os.environ.get("SYNC_DIRECTORY", "sync"))
WAIT = int(os.environ.get("SYNC_WAIT", "0"))
TRIES = 5


class Gestor:
    def __init__(self):
        self.token = None

    def sign_in(self):
        """Also when the access token has ended: a nightly program needs no renewal."""
        self.token = None
        form = {"grant_type": "client_credentials", "client_id": os.environ["GESTOR_CLIENT_ID"], "client_secret": os.environ["GESTOR_CLIENT_SECRET"]}
        status, answer = self.request("POST", "/v1/oauth/token", form)
        if status != 200:
            sys.exit(f"no token: {answer.get('error_description')}")
        self.token = answer["access_token"]

    def request(self, method, path, form=None):
        """Returns the status and the answer. What may succeed later is tried again."""
        for attempt in range(1, TRIES + 1):
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            if self.token:
                headers["Authorization"] = f"Bearer {self.token}"
            request = urllib.request.Request(URL + path, urllib.parse.urlencode(form).encode() if form else None, headers, method=method)
            pause = attempt
            try:
                with urllib.request.urlopen(request, timeout=40) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as refused:
                problem = json.load(refused)
                if refused.code == 401 and self.token and attempt == 1:
                    self.sign_in()
                    continue
                if refused.code not in (429, 502, 503, 504):
                    return refused.code, problem
                pause = int(refused.headers.get("Retry-After") or attempt)
            except (urllib.error.URLError, TimeoutError, ConnectionError) as lost:
                problem = lost
            time.sleep(pause)
        sys.exit(f"{method} {path}: {problem}")

    def get(self, path):
        """The record; None when it is not there."""
        status, answer = self.request("GET", path)
        if status not in (200, 404):
            sys.exit(f"GET {path}: {status} {answer.get('code')}: {answer.get('detail')}")
        return answer if status == 200 else None


def write(path, text):
    """Whole or not at all, also when the program is killed meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with open(new, "w", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    new.replace(path)


def copy(gestor, path):
    """Copies the record at this path of the API; an erased one, and one that is gone, leaves no copy."""
    here = DIRECTORY / (path.removeprefix("/v1/") + ".json")
    record = gestor.get(path)
    if record is None or record.get("erased_at") or record.get("voided"):
        here.unlink(missing_ok=True)
    else:
        write(here, json.dumps(record, ensure_ascii=False, indent=1) + "\n")


def everything(gestor):
    """After a pause that was longer than events are kept: all finished opportunities, page by page."""
    path = "/v1/opportunities?stage=retenido&limit=100"
    cursor = None
    while True:
        page = gestor.get(path + (f"&cursor={cursor}" if cursor else ""))
        for o in page["items"]:
            copy(gestor, f"/v1/opportunities/{o['id']}")
            copy(gestor, f"/v1/clients/{o['client_id']}")
        cursor = page["next"]
        if cursor is None:
            return


def paths(events):
    """What to read again: each record once, however many events are about it."""
    for e in events:
        kind, ids = e["type"].split(".")[0], e["data"]
        if e["type"] in ("opportunity.closed", "opportunity.voided") or (
                kind == "opportunity" and (DIRECTORY / "opportunities" / f"{ids['opportunity_id']}.json").exists()):
            yield e["subject"]
        if e["type"] == "opportunity.closed" or (
                kind == "client" and (DIRECTORY / "clients" / f"{ids['client_id']}.json").exists()):
            yield f"/v1/clients/{ids['client_id']}"


def main():
    gestor = Gestor()
    gestor.sign_in()
    place = DIRECTORY / "place"
    cursor = place.read_text(encoding="utf-8") if place.exists() else None
    events = records = 0
    while True:
        query = {"limit": 1000, "wait": WAIT, **({"after": cursor} if cursor else {})}
        status, page = gestor.request("GET", "/v1/events?" + urllib.parse.urlencode(query))
        if status == 410:
            print("Some events were dropped: copying everything")
            cursor = None
            everything(gestor)
            continue
        if status != 200:
            sys.exit(f"{status} {page.get('code')}: {page.get('detail')}")
        todo = dict.fromkeys(paths(page["items"]))
        for path in todo:
            copy(gestor, path)
        # Only now: what comes before this place is copied.
        cursor = page["next"]
        write(place, cursor)
        events += len(page["items"])
        records += len(todo)
        if not page["items"]:
            print(f"Events read: {events}, records copied: {records}")
            return


if __name__ == "__main__":
    main()
