-- wrk script: posts one page view per request, each with an event id of its own, and prints its figures as one JSON line.
-- FOOTFALL_BODY names the file with the encoded batch, FOOTFALL_ID_AT the offset (from 0) of its 16-byte event id.
local body_file = assert(io.open(os.getenv("FOOTFALL_BODY"), "rb"))
local body = body_file:read("*a")
body_file:close()
local id_at = tonumber(os.getenv("FOOTFALL_ID_AT"))
local head = body:sub(1, id_at)
local tail = body:sub(id_at + 17)
local agents = {}
for line in io.lines(os.getenv("FOOTFALL_AGENTS")) do agents[#agents + 1] = line end

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local count, refused = 0, 0
local prefix

function init()
  -- 6 bytes of the run's salt, version and thread, 8 bytes of counter: unique within and across runs.
  local salt = os.getenv("FOOTFALL_SALT")
  prefix = salt:sub(1, 6) .. string.char(0x70, number)
  headers = {}
  for i, agent in ipairs(agents) do
    headers[i] = { ["Content-Type"] = "text/plain", ["User-Agent"] = agent }
  end
end

function request()
  count = count + 1
  local n, digits = count, {}
  for i = 8, 2, -1 do
    digits[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  digits[1] = string.char(0x80)
  return wrk.format("POST", nil, headers[count % #agents + 1], head .. prefix .. table.concat(digits) .. tail)
end

function done(summary, latency)
  io.write(string.format(
    '\nFIGURES {"requests":%d,"microseconds":%d,"connect_errors":%d,"read_errors":%d,"write_errors":%d,"timeouts":%d,"status_errors":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration, summary.errors.connect, summary.errors.read, summary.errors.write,
    summary.errors.timeout, summary.errors.status, latency:percentile(50), latency:percentile(99)))
end
