// The same intake as one would write it in Express: the signature over the raw body, and one
// durable insert before the answer.
// node express.js PORT SQLITE_FILE
const crypto = require("node:crypto");
const express = require("express");
const jwt = require("jsonwebtoken");
const Database = require("libsql");

const [port, path] = process.argv.slice(2);
const db = new Database(path);
db.pragma("journal_mode=WAL");
db.pragma("synchronous=FULL");
db.exec("CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, at INTEGER, body TEXT)");
const insert = db.prepare("INSERT OR IGNORE INTO inbox VALUES (?, ?, ?)");

const app = express();
app.use(express.raw({ type: "application/webhook+json" }));
app.post("/api/webhooks/livekit", (req, res) => {
  try {
    const claims = jwt.verify(req.headers.authorization, process.env.LIVEKIT_API_SECRET);
    const digest = crypto.createHash("sha256").update(req.body).digest("base64");
    if (claims.sha256 !== digest) throw new Error("another body");
  } catch {
    return res.status(401).json({ error: "unauthenticated" });
  }
  insert.run(JSON.parse(req.body).id, Date.now(), req.body.toString());
  res.json({ received: true });
});
app.listen(Number(port), "127.0.0.1");
