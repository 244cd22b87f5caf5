// A user in a live room. node client.js URL NAMESPACE TRANSPORTS; the token is the first line of
// standard input, each line after it {"n", "event", "data"}: its acknowledgement comes out as
// {"ack": n, "answer"}, and everything heard as {"event", "data"}. "leave" ends it.
const { io } = require("socket.io-client");
const lines = require("readline").createInterface({ input: process.stdin });
const [url, namespace, transports] = process.argv.slice(2);
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");
let socket;

function enter(token) {
  socket = io(url + namespace, {
    auth: { token },
    transports: transports.split(","),
    reconnectionDelay: 100,
    reconnectionDelayMax: 200,
  });
  socket.on("connect", () => {
    tell({ event: "connect", data: socket.io.engine.transport.name });
    socket.io.engine.on("upgrade", (to) => tell({ event: "upgrade", data: to.name }));
  });
  socket.on("connect_error", (error) => tell({ event: "connect_error", data: error.message }));
  socket.on("disconnect", (reason) => tell({ event: "disconnect", data: reason }));
  socket.onAny((event, data) => tell({ event, data }));
}

lines.on("line", (line) => {
  if (!socket) return enter(line);
  if (line === "leave") return socket.disconnect() && setTimeout(() => process.exit(0), 100);
  const { n, event, data } = JSON.parse(line);
  socket.emit(event, data, (answer) => tell({ ack: n, answer }));
});
lines.on("close", () => process.exit(0));
