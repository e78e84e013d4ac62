// usage: crowd.mjs ARCH SLOW REST PID
// SLOW clients that send, or take, one byte a second, and REST connections
// that have had an answer and stay; beside them, for ten seconds, others ask
// the API.  Prints "NAME NUMBER" lines, times in ms.
import { connect } from "node:net";
import { json, key, pool, server, sleep, usage } from "./client.mjs";

const [arch, slow, rest, pid] = process.argv.slice(2);
const agent = pool(4);
const say = (name, value) => console.log(name, value);
const build = { os: "linux", architecture: arch, customName: "bench",
    useQueue: false };
const { job, downloadUrl } = await json(agent, "POST", "/api/agents/build",
    build);
const detail = `/api/agents/build/jobs/${job.id}`;
const head = (path) => `GET ${path} HTTP/1.1\r\nHost: ${server.host}\r\n` +
    `Authorization: Bearer ${key}\r\n`;

const open = () => new Promise((done, failed) => {
	const s = connect(server.port, server.hostname, () => {
		s.setNoDelay(true);
		done(s);
	});
	s.on("error", failed);
});

// Reads, lists and a write, as people and dashboards do.
async function answers(name, ms) {
	const until = performance.now() + ms;
	let n = 0;

	while (performance.now() < until) {
		const began = performance.now();

		await json(agent, "GET", n % 4 === 3 ?
		    "/api/agents/build/jobs?limit=10" : detail);
		say(name, (performance.now() - began).toFixed(2));
		n++;
		await sleep(5);
	}
}

// One that is refused for its slowness begins anew: they stay as many.
let senders = 0, takers = 0;
async function send() {
	for (;;) {
		const s = await open();
		let closed = false;
		const text = head(detail) + "X-Slow: " + "x".repeat(200);

		senders++;
		s.on("close", () => closed = true);
		s.on("error", () => {});
		s.resume();
		for (let i = 0; !closed && i < text.length; i++) {
			s.write(text[i]);
			await sleep(1000);
		}
		s.destroy();
		senders--;
	}
}

async function take() {
	for (;;) {
		const s = await open();
		let closed = false;

		takers++;
		s.on("close", () => closed = true);
		s.on("error", () => {});
		s.pause();
		s.write(head(new URL(downloadUrl).pathname) + "\r\n");
		while (!closed) {
			await sleep(1000);
			s.read(1);
		}
		takers--;
	}
}

let resting = 0;
async function stay() {
	const s = await open();

	s.write(head("/healthz") + "\r\n");
	await new Promise((done) => s.once("data", done));
	resting++;
	s.on("close", () => resting--);
}

await answers("alone", 3000);
for (let i = 0; i < rest; i += 50)
	await Promise.all(Array.from({ length: 50 }, stay));
for (let i = 0; i < slow; i++) {
	(i % 2 ? send : take)();
	if (i % 50 === 0)
		await sleep(20);
}
await sleep(2000);
await answers("answer", 15000);
say("slow", senders + takers);
say("rest", resting);
say("rss", usage(pid).rss);
process.exit(0);
