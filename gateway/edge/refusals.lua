-- Brings every refusal into the one shape of an error. The bodies are filled in when the
-- configuration is rendered.
local REFUSALS = {
--REFUSALS--
}
local BY_STATUS = {
  ["400"] = "bad_request", ["401"] = "token_invalid", ["403"] = "forbidden", ["404"] = "unroutable",
  ["429"] = "too_many", ["502"] = "unavailable", ["503"] = "unavailable", ["504"] = "timeout",
}

local MOST = 2147483647
math.randomseed(os.time() + #tostring({}) * tonumber(tostring({}):match("0x(%x+)"), 16) % MOST)

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quoted(text)
  return '"' .. text:gsub('[%z\1-\31"\\]', function(c)
    return ESCAPES[c] or string.format("\\u%04x", c:byte())
  end) .. '"'
end

local function detail(kind, fields)
  return '{"@type":"type.googleapis.com/google.rpc.' .. kind .. '",' .. fields .. "}"
end

local function shaped(reason, field, zh, en)
  local whole_zh, whole_en = zh, en
  if field then whole_zh, whole_en = field .. ": " .. zh, field .. ": " .. en end
  local details = { detail("ErrorInfo",
    '"reason":"' .. reason .. '","domain":"kaigong","metadata":{' ..
    (field and '"field":' .. quoted(field) or "") .. "}") }
  if field then
    details[#details + 1] = detail("BadRequest", '"field_violations":[{"field":' .. quoted(field) ..
      ',"description":' .. quoted(zh .. " | " .. en) .. ',"reason":"' .. reason .. '"}]')
  end
  details[#details + 1] = detail("LocalizedMessage", '"locale":"zh-CN","message":' .. quoted(whole_zh))
  details[#details + 1] = detail("LocalizedMessage", '"locale":"en","message":' .. quoted(whole_en))
  return '{"code":3,"message":' .. quoted(whole_en) .. ',"details":[' .. table.concat(details, ",") .. "]}"
end

-- What the transcoder says in words, as reason, field and two languages.
local function untranscodable(said)
  local field = said:match('^Could not find field "([^"]*)" in the type')
  if field then
    return shaped("UNKNOWN_PARAMETER", field, "没有这个参数", "there is no such parameter")
  end
  field = said:match("of the field ([%w_.]+) is conflicting")
  if field then
    return shaped("INVALID_VALUE", field, "与路径中的值不一致", "differs from the value in the path")
  end
  field = said:match("^([%w_.%[%]]+): invalid value ")
  if field then
    local value = said:match(': invalid value (.*) for type ') or ""
    local en = #value <= 100 and "is of the wrong type or not a known value: " .. value
      or "is of the wrong type or not a known value"
    return shaped("INVALID_VALUE", field, "类型不符或不是允许的取值", en)
  end
  if said:find("Root element must be a message", 1, true) then
    return shaped("INVALID_VALUE", nil, "请求内容应为 JSON 对象", "the body must be a JSON object")
  end
  return shaped("INVALID_JSON", nil, "请求内容不是合法的 JSON", "the body is not valid JSON: " ..
    (said:match("^[^\n]*") or ""):sub(1, 200))
end

local function is_trace(text)
  return #text == 55 and text:find("^00%-%x+%-%x+%-%x%x$") and text:sub(36, 36) == "-"
    and not text:find("^00%-0+%-")
end

-- One id and one trace per request: a caller's own are kept when they are well formed.
function envoy_on_request(handle)
  local headers = handle:headers()
  local id = headers:get("x-request-id") or ""
  if #id > 64 or id:find("[^%w%-_.]") then
    id = id:gsub("[^%w%-_.]", ""):sub(1, 64)
    headers:replace("x-request-id", id)
  end
  local trace = headers:get("traceparent")
  if not (trace and is_trace(trace)) then
    local hex = id:gsub("-", "")
    if #hex ~= 32 or hex:find("[^0-9a-f]") then
      hex = string.format("%08x%08x%08x%08x", math.random(1, MOST), math.random(0, MOST),
        math.random(0, MOST), math.random(0, MOST))
    end
    trace = "00-" .. hex .. "-" .. hex:sub(17) .. "-01"
    headers:replace("traceparent", trace)
  end
  headers:replace("x-kaigong-trace-id", trace:sub(4, 35)) -- for the log
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  if status < "400" then return end
  local mark = headers:get("x-kaigong-refusal")
  local body = handle:body(true)
  if body:length() == 0 then return end -- the answer to a HEAD
  local text = body:getBytes(0, body:length())
  headers = handle:headers() -- those from before the wait are gone
  local answer
  if mark == "untranscodable" then
    answer = untranscodable(text)
  elseif mark then
    answer = REFUSALS[mark].body
    headers:replace(":status", REFUSALS[mark].status)
  else
    -- A service's own refusal has details; a bare gRPC status or a stranger's text has none.
    if text:find('"details":[{', 1, true) then return end
    answer = REFUSALS[BY_STATUS[status] or "broken"].body
  end
  headers:replace("content-type", "application/json")
  body:setBytes(answer)
end
