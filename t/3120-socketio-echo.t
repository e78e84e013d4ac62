#!/bin/sh
# The official JavaScript client against --test-echo's handlers: bytes,
# acknowledgements, namespaces, large messages, upgrades, a server that comes
# back.
# shellcheck disable=SC2154 # set by socketio-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/socketio-lib.sh"

npm_install socket.io-client@4
socketio_server socketio

cat >"$T/case.cjs" <<'END'
const { io } = require("socket.io-client");
const assert = require("assert");
const [url, name, transports] = process.argv.slice(2);

setTimeout(() => {
	console.log("nothing more happens");
	process.exit(1);
}, 20000).unref();
const sockets = [];
function connect(path = "", more = {}) {
	const socket = io(url + path, { transports: transports.split(","),
	    reconnectionDelay: 50, reconnectionDelayMax: 50, forceNew: true,
	    ...more });
	sockets.push(socket);
	return socket;
}
const once = (socket, e) => new Promise((go) =>
    socket.once(e, (...args) => go(args)));

const cases = {
	async auth() {
		assert.deepEqual(await once(connect(), "auth"), [{}]);
		assert.deepEqual(await once(connect("/custom",
		    { auth: { a: [1, "\u00e4"] } }), "auth"),
		    [{ a: [1, "\u00e4"] }]);
	},
	async unknown() {
		const [e] = await once(connect("/none"), "connect_error");

		assert.equal(e.message, "Invalid namespace");
	},
	async namespaces() {
		const one = connect("", { forceNew: false });
		const two = io(url + "/custom", { transports:
		    transports.split(",") });

		await Promise.all([once(one, "auth"), once(two, "auth")]);
		assert.equal(one.io, two.io);
		assert.notEqual(one.id, two.id);
		two.disconnect();
		assert.deepEqual(await one.emitWithAck("message-with-ack", 1),
		    1);
	},
	async bytes() {
		const socket = connect();
		const bytes = Buffer.from([...Array(256).keys()]);

		socket.emit("message", bytes, { deep: [bytes.subarray(0, 0),
		    "x"] });
		let [a, b] = await once(socket, "message-back");
		assert.ok(bytes.equals(Buffer.from(a)));
		assert.equal(b.deep[0].byteLength ?? b.deep[0].length, 0);
		assert.equal(b.deep[1], "x");
		a = await socket.emitWithAck("message-with-ack", bytes);
		assert.ok(bytes.equals(Buffer.from(a)));
	},
	async large() {
		const socket = connect();
		const text = "\u20ac".repeat(300000);

		assert.equal(await socket.emitWithAck("message-with-ack",
		    text), text);
	},
	// Through heartbeats and the upgrade, in order.
	async many() {
		const socket = connect();
		const n = 3000;
		let next = 0;
		const end = new Promise((go) => socket.on("message-back",
		    (i, half) => {
			assert.equal(i, next++);
			assert.equal(half.length, i % 7 === 0 ? 3 : 2);
			if (next === n)
				go();
		}));
		for (let i = 0; i < n; i++) {
			socket.emit("message", i, i % 7 === 0 ?
			    Buffer.from("abc") : "ab");
			if (i % 10 === 0)
				await new Promise((go) => setTimeout(go, 1));
		}
		await end;
		const wanted = transports.split(",").pop();
		while (socket.io.engine.transport.name !== wanted)
			await new Promise((go) => setTimeout(go, 5));
	},
	// Stays while nothing happens but pings.
	async idle() {
		const socket = connect();

		await once(socket, "connect");
		const id = socket.id;
		socket.on("disconnect", (why) => assert.fail(why));
		for (let pings = 0; pings < 4; pings++)
			await once(socket.io, "ping");
		assert.equal(socket.id, id);
		socket.off("disconnect");
	},
	// The shell ends the server and starts it again.
	async back() {
		const socket = connect();

		await once(socket, "connect");
		console.log("connected");
		await once(socket, "disconnect");
		console.log("disconnected");
		await once(socket, "connect");
		assert.equal(await socket.emitWithAck("message-with-ack", 7),
		    7);
	},
};

cases[name]().then(() => {
	for (const s of sockets)
		s.disconnect();
}, (e) => {
	console.log(e);
	process.exit(1);
});
END

# shellcheck disable=SC2317 # called by ok
try() { node "$T/case.cjs" "$url" "$@"; }
for t in polling websocket polling,websocket; do
	ok "$t: the payload of a connection" exits 0 try auth "$t"
	ok "$t: an unknown namespace" exits 0 try unknown "$t"
	ok "$t: two namespaces, one connection" exits 0 try namespaces "$t"
	ok "$t: bytes" exits 0 try bytes "$t"
	ok "$t: a large message" exits 0 try large "$t"
	ok "$t: many messages, in order" exits 0 try many "$t"
	ok "$t: pings" exits 0 try idle "$t"
done
for t in polling websocket polling,websocket; do
	rm -f "$T/back"			# which says "connected"
	node "$T/case.cjs" "$url" back "$t" >"$T/back" 2>&1 &
	client=$!
	wait_for grep -q '^connected' "$T/back"
	kill "$pid"
	ok "$t: the server ends in order" exits 0 wait "$pid"
	wait_for grep -q '^disconnected' "$T/back"
	socketio_start "${url#http://}"
	ok "$t: the client comes back" exits 0 wait "$client"
done
kill "$pid"
ok 'the server ends in order' exits 0 wait "$pid"
done_testing
