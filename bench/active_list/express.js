// The same list as one would write it in Express: the same query, fields, token and ETag.
// node express.js PORT DATABASE_URL
const crypto = require("node:crypto");
const express = require("express");
const jwt = require("jsonwebtoken");

const [port, database] = process.argv.slice(2);

async function sqlite() {
  const Database = require("libsql");
  const db = new Database(database.replace("sqlite:///", ""));
  const query = db.prepare(
    "SELECT document FROM livestreams WHERE is_live = 1 ORDER BY started_at DESC, id DESC LIMIT 100",
  );
  return async () => query.all().map((row) => JSON.parse(row.document));
}

async function mongo() {
  const { MongoClient } = require("mongodb");
  const client = await new MongoClient(database).connect();
  const streams = client.db().collection("livestreams");
  return async () => {
    const found = await streams
      .find({ isLive: true })
      .sort({ startedAt: -1, _id: -1 })
      .limit(100)
      .toArray();
    return found.map(({ _id, ...rest }) => ({ id: _id, ...rest }));
  };
}

(async () => {
  const live = await (database.startsWith("sqlite") ? sqlite() : mongo());
  const app = express();
  app.disable("etag");
  app.get("/api/live/active", async (req, res) => {
    try {
      jwt.verify((req.headers.authorization || "").slice(7), process.env.JWT_SECRET);
    } catch {
      return res.status(401).json({ error: "unauthenticated" });
    }
    const items = (await live()).map((s) => ({
      streamId: s.id,
      ownerId: s.ownerId,
      roomName: s.roomName,
      title: s.title,
      coverUrl: s.coverUrl ?? null,
      tags: s.tags,
      viewers: s.viewers,
      peakViewers: s.peakViewers,
      totalGifts: s.totalGifts,
      startedAt: s.startedAt,
    }));
    const body = JSON.stringify({ items });
    const etag = `"${crypto.createHash("sha1").update(body).digest("hex")}"`;
    res.set({ ETag: etag, "Cache-Control": "private, no-cache" });
    if (req.headers["if-none-match"] === etag) return res.status(304).end();
    res.type("application/json").send(body);
  });
  app.listen(Number(port), "127.0.0.1");
})();
