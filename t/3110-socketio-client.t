#!/bin/sh
# Socket.IO by its official JavaScript client: notifications over each
# transport, what was missed, and who is refused.
# shellcheck disable=SC2154 # set by socketio-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/socketio-lib.sh"

npm_install socket.io-client@4
socketio_server notify

cat >"$T/case.cjs" <<'END'
const { io } = require("socket.io-client");
const assert = require("assert");
const [url, name, transports] = process.argv.slice(2);
const user = `${name}-${transports.replace(",", "-")}`;
const events = ["Added", "Started", "Completed", "Failed", "Cancelled"]
    .map((e) => "buildJob" + e);
let jobs = 0;

const limit = setTimeout(() => {
	console.log("nothing more happens; heard:", JSON.stringify(heard));
	process.exit(1);
}, 20000);
const happen = async (verb, id, who = user) => {
	const r = await fetch(`${url}/do?verb=${verb}&id=${id}&user=${who}`);
	assert.equal(r.status, 200, `${verb}: ${await r.text()}`);
};
const job = () => `${user}-${++jobs}`;
const until = async (condition) => {
	while (!condition())
		await new Promise((go) => setTimeout(go, 5));
};

let heard = [];
const sockets = [];
function connect(auth, more = {}) {
	const socket = io(url, { auth, transports: transports.split(","),
	    reconnectionDelay: 200, reconnectionDelayMax: 200, forceNew: true,
	    ...more });
	sockets.push(socket);
	for (const e of events)
		socket.on(e, (data) => heard.push({ e, ...data }));
	return socket;
}
const mine = () => connect({ token: "key-" + user });
const once = (socket, e) => new Promise((go) => socket.once(e, go));

const cases = {
	// Document 000's lines, and a job of each end.
	async five() {
		const socket = mine();

		socket.emit("authenticate", { userId: user });
		socket.emit("subscribeBuildUpdates", { userId: user });
		await once(socket, "connect");
		const [a, b, c] = [job(), job(), job()];
		await happen("add", a);
		await happen("claim", a);
		await happen("completed", a);
		await happen("add", b);
		await happen("claim", b);
		await happen("failed", b);
		await happen("add", c);
		await happen("cancel", c);
		await until(() => heard.length >= 8);
		assert.deepEqual(heard.map((h) => h.e.slice(8)), ["Added",
		    "Started", "Completed", "Added", "Started", "Failed",
		    "Added", "Cancelled"]);
		assert.equal(heard[2].downloadUrl, "http://a.example/x");
		for (let i = 1; i < heard.length; i++)
			assert.equal(heard[i].seq, heard[i - 1].seq + 1);
		const wanted = transports.split(",").pop();
		await until(() => socket.io.engine.transport.name === wanted);
	},
	// The connection is cut; the client, unchanged, gets what it missed:
	// first before it heard anything, then after it did.
	async missed() {
		const socket = mine();

		await once(socket, "connect");
		for (let n = 0; n < 9; n += 3) {
			const cut = once(socket, "disconnect");
			const back = cut.then(() => once(socket, "connect"));

			await happen("drop", "x");
			await cut;
			await happen("add", job());
			await happen("add", job());
			await back;
			assert.ok(socket.recovered);
			await happen("add", job());
			await until(() => heard.length >= n + 3);
		}
		assert.deepEqual(heard.map((h) => h.id),
		    [...Array(9).keys()].map((i) => `${user}-${i + 1}`));
	},
	// By number, for a client that was another process before.
	async lastseq() {
		let socket = mine();

		await once(socket, "connect");
		await happen("add", job());
		await until(() => heard.length === 1);
		socket.disconnect();
		await happen("add", job());
		await happen("add", "other-" + job(), "other");
		await happen("add", job());
		socket = connect({ token: "key-" + user,
		    lastSeq: heard[0].seq });
		await until(() => heard.length >= 3);
		await happen("add", job());
		await until(() => heard.length >= 4);
		assert.deepEqual(heard.map((h) => h.id),
		    [1, 2, 4, 5].map((n) => `${user}-${n}`));
	},
	// Another user's id, in both of document 000's events.
	async other() {
		const socket = mine();
		const no = [];

		socket.on("unauthorized", (d) => no.push(d.event));
		for (const e of ["authenticate", "subscribeBuildUpdates"]) {
			const r = await socket.emitWithAck(e,
			    { userId: "other" });
			assert.equal(r.success, false);
			assert.ok((await socket.emitWithAck(e,
			    { userId: user })).success);
		}
		assert.deepEqual(no, ["authenticate",
		    "subscribeBuildUpdates"]);
		await happen("add", "of-other-" + user, "other");
		await happen("add", job());
		await until(() => heard.length > 0);
		assert.deepEqual(heard.map((h) => h.id), [`${user}-1`]);
	},
	async stranger() {
		for (const auth of [undefined, {}, { token: "nobody's" }]) {
			const e = await once(connect(auth), "connect_error");

			assert.equal(e.message, "unauthorized");
		}
		const e = await once(connect({ token: "key-x" }, { extraHeaders:
		    { Authorization: "Bearer key-" + user } }), "connect");
		assert.equal(e, undefined);
	},
	async header() {
		const socket = connect(undefined, { extraHeaders:
		    { Authorization: "Bearer key-" + user } });

		await once(socket, "connect");
		await happen("add", job());
		await until(() => heard.length === 1);
	},
	// Events all through the upgrade: none lost, none twice, in order.
	async stream() {
		const socket = mine();
		const n = 300;

		await once(socket, "connect");
		for (let i = 0; i < n; i++)
			await happen("add", job());
		await until(() => heard.length >= n);
		assert.deepEqual(heard.map((h) => h.id),
		    [...Array(n).keys()].map((i) => `${user}-${i + 1}`));
	},
};

cases[name]().then(() => {
	for (const s of sockets)
		s.disconnect();
	clearTimeout(limit);
}, (e) => {
	console.log(e);
	process.exit(1);
});
END

# shellcheck disable=SC2317 # called by ok
try() { node "$T/case.cjs" "$url" "$@"; }
all='polling websocket polling,websocket'
# First, while no other job waits to be claimed.
for t in $all; do
	ok "$t: the five events" exits 0 try five "$t"
done
for t in $all; do
	ok "$t: what was missed, after cuts" exits 0 try missed "$t"
	ok "$t: what was missed, by number" exits 0 try lastseq "$t"
	ok "$t: another's id is refused" exits 0 try other "$t"
	ok "$t: strangers are refused" exits 0 try stranger "$t"
	ok "$t: the key in a header" exits 0 try header "$t"
	ok "$t: nothing lost in a stream" exits 0 try stream "$t"
done
kill "$pid"
ok 'the server ends in order' exits 0 wait "$pid"
done_testing
