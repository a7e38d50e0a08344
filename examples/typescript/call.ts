/*
 * The whole call of the manual, in TypeScript, with the typed client of client.ts.
 *
 * GESTOR_URL is the service's address, GESTOR_USERNAME and GESTOR_PASSWORD are the advisor's.
 */
import { dayInLima, ok, run, settings, signIn } from "./client.js";

async function call() {
  const { url, username, password } = settings();

  /* 1. Sign in. The client renews the tokens by itself. */
  const { gestor, signOut } = await signIn(url, username, password);

  /* 2. Find the client by mobile number. Without a match the list is empty; that is not an error. */
  const [client] = (await ok(gestor.GET("/v1/clients", { params: { query: { phone: "944264648" } } }))).items;
  if (!client) throw new Error("No client has this number: register the client with POST /v1/clients");
  console.log(`Client: ${client.name}, ${client.document_type.label} ${client.document_number}`);

  /* 3. The history. */
  const ofClient = { client_id: client.id };
  const history = await ok(gestor.GET("/v1/clients/{client_id}/opportunities", { params: { path: ofClient, query: { limit: 5 } } }));
  for (const o of history.items)
    console.log(`  ${o.id}  ${o.campaign.label}  ${o.stage.label}  ${dayInLima(o.created_at)}  ${o.advisor.full_name}`);

  /* 4. Register the contact; the advisor reads the greeting to the client. */
  const contact = await ok(gestor.POST("/v1/clients/{client_id}/contacts", {
    params: { path: ofClient },
    body: { origin_phone: "944264648", serial_number: "2505050000125674", ownership_check: { asked: 3, right: 3 } },
  }));
  console.log(contact.greeting);

  /* 5. Generate the opportunity. Its answer has the entity tag of each part, as the advisor sees them from here on. */
  const opened = await ok(gestor.POST("/v1/opportunities", { body: { contact_id: contact.id, sub_campaign: "entel" } }));
  const path = { opportunity_id: opened.id };

  /* 6. Fill in the form. A choice is one code, its whole path; form.ts takes the codes from the form contract. */
  await ok(gestor.POST("/v1/opportunities/{opportunity_id}/actions", {
    params: { path }, body: { action: "bono-gb.bono-4-gb-por-12-meses", final_state: "atendido" },
  }));
  await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/diagnosis", {
    params: { path, header: { "If-Match": opened.etags.diagnosis } },
    body: { reason: "precio-y-contenido.contenido-prepago.la-recarga-me-dura-pocos-dias" },
  }));
  await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/competitor-offer", {
    params: { path, header: { "If-Match": opened.etags.competitor_offer } },
    body: { plan: "postpago-39-90", offer: "50-x-6-meses", channel: "telefonico", operator: "movistar", phone_to_manage: "944264648" },
  }));

  /*
   * 7. Close the opportunity. If-Match has the tag of the closure that the advisor has had on the screen since step 5, so a change
   * that somebody made meanwhile is not overwritten. A tag read just before this request would match in any case.
   */
  await ok(gestor.PUT("/v1/opportunities/{opportunity_id}/closure", {
    params: { path, header: { "If-Match": opened.etags.closure } }, body: { advertising_acceptance: "acepto", stage: "retenido" },
  }));

  /* 8. Read it back, and sign out: both tokens end at once. */
  const opportunity = await ok(gestor.GET("/v1/opportunities/{opportunity_id}", { params: { path } }));
  console.log(`Opportunity ${opportunity.id}: ${opportunity.stage.label}`);
  await signOut();
}

run(call);
