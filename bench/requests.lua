-- bench/requests.lua - the requests that wrk sends. Environment:
--   BENCH_WORK           the name of one of the works below
--   BENCH_TOKEN          an access token
--   BENCH_OPPORTUNITIES  how many bench/load.sql made
--   BENCH_TAG            an entity tag for If-None-Match
--   BENCH_SEED           a number, another one in each round
--   BENCH_STRIDE         ask only for every BENCH_STRIDE-th record
-- The last line of output is JSON, for bench/measure.py.
local token, tag = os.getenv("BENCH_TOKEN"), os.getenv("BENCH_TAG")
local opportunities = tonumber(os.getenv("BENCH_OPPORTUNITIES"))
local clients, heavy = opportunities / 5, opportunities / 100
local n = tonumber(os.getenv("BENCH_SEED")) * 1000003
local waiting = {} -- follow-up requests of three_writes
local head

-- A number of 0 .. many - 1, another each time; 7919 is prime, so all have their turn.
local stride = tonumber(os.getenv("BENCH_STRIDE"))
local function other(many)
	n = n + 1
	return n * 7919 % (many / stride) * stride
end

local function get(path, more) return "GET " .. path .. head .. (more or "") .. "\r\n" end
local function send(method, path, body)
	return method .. " " .. path .. head .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

local contact = '{"origin_phone":"944264648","serial_number":"2505050000125674","ownership_check":{"asked":3,"right":3}}'
local form = [["sub_campaign":"entel","service":{"current_plan":"MAX 39.90","prior_consultation":true},"actions":[]]
	.. [[{"action":"migracion-postpago.max-29-90-30gb-y-s-5-por-6-meses","final_state":"no-atendido"},]]
	.. [[{"action":"bono-gb.bono-4-gb-por-12-meses","final_state":"atendido"}],]]
	.. [["diagnosis":{"reason":"problema-con-el-uso-del-servicio.problema-de-cobertura.internet.sin-senal-indoor.escalado-por-celdas-at"},]]
	.. [["competitor_offer":{"plan":"postpago-39-90","offer":"50-x-6-meses","channel":"telefonico","operator":"movistar",]]
	.. [["phone_to_manage":"944264648"},"closure":{"advertising_acceptance":"acepto","stage":"retenido"}]]

local works = {}
function works.client_search() return get(string.format("/v1/clients?phone=9%08d", other(clients) + 1)) end
-- Opportunities divisible by ten are finished.
function works.opportunity_get() return get(string.format("/v1/opportunities/%d", 1000000 + 10 * other(opportunities / 10))) end
-- The clients with 40 opportunities.
function works.client_opportunity_list() return get(string.format("/v1/clients/%d/opportunities", other(heavy) + 1)) end
function works.client_search_document() return get(string.format("/v1/clients?document_number=%08d", other(clients) + 1)) end
function works.opportunity_list() return get("/v1/opportunities") end
-- bench/load.sql makes fifty advisors.
function works.opportunity_list_advisor() return get(string.format("/v1/opportunities?advisor=E9%06d&limit=100", other(50 * stride) / stride + 1)) end
function works.opportunity_list_reason() return get("/v1/opportunities?reason=precio-y-contenido") end
function works.opportunity_list_stage() return get("/v1/opportunities?stage=retenido") end
function works.catalog_get() return get("/v1/catalogs/cancellation_reason") end
function works.catalog_get_304() return get("/v1/catalogs/cancellation_reason", "If-None-Match: " .. tag .. "\r\n") end
function works.typification_create()
	return send("POST", "/v1/typifications", string.format('{"client_id":"%d","contact":%s,%s}', other(clients) + 1, contact, form))
end
function works.contact_create() return send("POST", string.format("/v1/clients/%d/contacts", other(clients) + 1), contact) end
-- Of open opportunities, with one or the other answer; the stage stays as it is.
function works.closure_put()
	return send("PUT", string.format("/v1/opportunities/%d/closure", 1000007 + 10 * other(opportunities / 10)), string.format(
		'{"advertising_acceptance":"%s","stage":"en-proceso"}', math.random(2) == 1 and "acepto" or "no-acepto"))
end
-- A contact, its opportunity, and the opportunity's form, each sent when the answer before has come.
function works.three_writes()
	return table.remove(waiting) or send("POST", string.format("/v1/clients/%d/contacts", other(clients) + 1), contact)
end
local function three_writes_answer(status, headers)
	local what, id = string.match(headers["Location"] or "", "^/v1/(%a+)/(%d+)$")
	if what == "contacts" then
		table.insert(waiting, send("POST", "/v1/opportunities", '{"contact_id":"' .. id .. '","sub_campaign":"entel"}'))
	elseif what == "opportunities" then
		table.insert(waiting, send("PUT", "/v1/opportunities/" .. id .. "/typification", "{" .. form .. "}"))
	end
end
-- All reads in turn, and one request in fifty is a write.
local mixture = { works.client_search, works.opportunity_get, works.client_opportunity_list, works.catalog_get }
local turn = 0
function works.mixed()
	turn = turn + 1
	return turn % 50 == 0 and works.typification_create() or mixture[turn % 4 + 1]()
end

-- wrk runs this file in its main thread and again in the thread that sends.
request = works[os.getenv("BENCH_WORK")]
if os.getenv("BENCH_WORK") == "three_writes" then response = three_writes_answer end

function init()
	head = " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\nAuthorization: Bearer " .. token .. "\r\n"
end

-- wrk's summary.errors.status counts answers from 400 on.
function done(summary, latency)
	local e = summary.errors
	io.write(string.format('{"requests":%d,"seconds":%.6f,"errors":%d,"bytes":%d,"p50_us":%d,"p99_us":%d}\n',
		summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.timeout + e.status, summary.bytes,
		latency:percentile(50), latency:percentile(99)))
end
