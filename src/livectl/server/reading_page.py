"""The page on which people read what `/openapi.json` says."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from livectl.server.auth import Allow
from livectl.server.http import Call, Route

# The page builds itself from the document with textContent only, so nothing in it can be markup.
_SCRIPT = """
const add = (parent, tag, text, cls) => {
  const node = parent.appendChild(document.createElement(tag));
  if (text) node.textContent = text;
  if (cls) node.className = cls;
  return node;
};
const block = (parent, title, value) => {
  const details = add(parent, "details");
  add(details, "summary", title);
  add(details, "pre", JSON.stringify(value, null, 2));
};
fetch("openapi.json").then((reply) => reply.json()).then((api) => {
  const main = document.querySelector("main");
  const resolve = (schema) => schema && schema.$ref
    ? api.components.schemas[schema.$ref.split("/").pop()] : schema;
  document.querySelector("#version").textContent = api.info.version;
  for (const [path, calls] of Object.entries(api.paths)) {
    for (const [method, call] of Object.entries(calls)) {
      const section = add(main, "section");
      section.id = call.operationId;
      const head = add(section, "h2");
      add(head, "code", method.toUpperCase(), method);
      add(head, "code", " " + path);
      add(section, "p", call.summary + ". " + call.description);
      for (const p of call.parameters || [])
        add(section, "p", `${p.in}: ${p.name}${p.required ? " (required)" : ""}`, "parameter");
      const body = Object.values((call.requestBody || {}).content || {})[0];
      if (body) block(section, "body", resolve(body.schema));
      for (const [status, reply] of Object.entries(call.responses)) {
        const content = Object.values(reply.content || {})[0];
        if (status === "200" && content) block(section, "200", resolve(content.schema));
        else add(section, "p", `${status} ${reply.description}`, "parameter");
      }
    }
  }
});
"""
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8886; padding: .5rem 0; }
h2 { font-size: 1rem; overflow-wrap: anywhere; }
.get { color: #0a7a3b; } .post { color: #1d5fc4; } .delete { color: #b3261e; }
@media (prefers-color-scheme: dark) {
  .get { color: #5fd28b; } .post { color: #8ab4f8; } .delete { color: #f2867e; }
}
p { margin: .25rem 0; } .parameter { font-size: .9rem; opacity: .85; margin-left: 1rem; }
pre { overflow: auto; padding: .5rem; background: #8882; font-size: .85rem; }
"""
_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>livectl API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{_STYLE}</style></head>
<body><h1>livectl API <small id="version"></small></h1>
<p>The same in a form for programs: <a href="openapi.json">openapi.json</a>.
Send <code>Authorization: Bearer &lt;token&gt;</code> with every call.</p>
<main></main><script>{_SCRIPT}</script></body></html>
"""


def _hash_of(inline: str) -> str:
    import base64
    import hashlib

    return "sha256-" + base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()


async def docs(call: Call) -> Response:
    policy = (
        f"default-src 'none'; script-src '{_hash_of(_SCRIPT)}'; style-src '{_hash_of(_STYLE)}'; "
        "connect-src 'self'; frame-ancestors 'none'"
    )
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": policy})


reading_page = Route("GET", "/docs", docs, Allow.EVERYONE, "The API, to read")
