// The same room as one would write it with Node's socket.io: no authentication, limits or history.
// node server.js PORT
const http = require("node:http");
const { Server } = require("socket.io");

const server = http.createServer();
const io = new Server(server, { perMessageDeflate: false });
let count = 0;
io.of(/^\/live:/).on("connection", (socket) => {
  socket.join("all");
  socket.on("live:message", ({ content }) => {
    const message = { id: String(++count), userId: "user", content, timestamp: new Date() };
    socket.nsp.to("all").emit("live:message", message);
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1");
