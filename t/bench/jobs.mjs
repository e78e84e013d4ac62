// usage: jobs.mjs ARCH COUNT PID
// So many builds, of the users with these KEYS, submitted at once; prints
// "NAME NUMBER" lines: what became of them, how even the users' turns were,
// and what it cost the server with this PID.
import { key as admin, json, pool, sleep, usage } from "./client.mjs";

const [arch, count, pid] = process.argv.slice(2);
const keys = process.env.KEYS.trim().split(" ");
const agent = pool(20);
const say = (name, value) => console.log(name, value);

async function submit(key, name) {
	const headers = { Authorization: `Bearer ${key}` };

	for (;;) {
		const a = await json(agent, "POST", "/api/agents/build",
		    { os: "linux", architecture: arch, customName: name },
		    headers, 202, 429);
		if (a.status === 202)
			return;
		await sleep(100);		// the user's queue is full
	}
}

const stats = async () =>
    (await json(agent, "GET", "/api/agents/build/stats")).stats;

async function events() {
	const list = [];

	for (let after = 0; ;) {
		const page = await json(agent, "GET",
		    `/api/events?all=1&after=${after}`);
		if (page.events.length === 0)
			return list;
		list.push(...page.events);
		after = page.next;
	}
}

// The most that, while both of two users waited, one was served more often
// than the other.
function lead(list) {
	const users = new Map();
	const pair = new Map();
	let most = 0;

	const waits = (u) => (users.get(u) ?? 0) > 0;
	for (const { type, job } of list) {
		const u = job.user;

		if (type === "buildJobAdded")
			users.set(u, (users.get(u) ?? 0) + 1);
		if (type !== "buildJobStarted")
			continue;
		for (const v of users.keys()) {
			if (v === u)
				continue;
			const name = u < v ? `${u} ${v}` : `${v} ${u}`;
			const p = waits(v) && pair.get(name) ||
			    { at: 0, low: 0, high: 0 };
			if (waits(v)) {
				p.at += u < v ? 1 : -1;
				p.low = Math.min(p.low, p.at);
				p.high = Math.max(p.high, p.at);
				most = Math.max(most, p.high - p.low);
			}
			pair.set(name, p);
		}
		users.set(u, users.get(u) - 1);
		if (!waits(u))
			for (const v of users.keys())
				pair.delete(u < v ? `${u} ${v}` : `${v} ${u}`);
	}
	return most;
}

// Of two slots, the time (ms) that one had no job, in all; of jobs that
// ended while others waited.
function idle(list, slots) {
	let busy = 0, since = null, total = 0, waiting = 0;

	for (const { type, t } of list) {
		if (since !== null && waiting > 0)
			total += (slots - busy) * (t - since);
		since = t;
		if (type === "buildJobAdded")
			waiting++;
		else if (type === "buildJobStarted") {
			waiting--;
			busy++;
		} else
			busy--;
	}
	return total;
}

const earlier = (await stats()).completed;
const before = usage(pid);
const began = Date.now();
let early = 0, peak = 0;
const watch = setInterval(async () => {
	const s = await stats();
	const now = usage(pid);

	peak = Math.max(peak, now.rss);
	if (early === 0 && s.completed >= earlier + 1000)
		early = now.own;
}, 50);
await Promise.all(Array.from({ length: Number(count) }, (_, i) =>
    submit(keys[i % keys.length], `b${i}`)));
let s;
for (s = await stats(); s.pending + s.running > 0; s = await stats())
	await sleep(20);
const took = Date.now() - began;
clearInterval(watch);
const after = usage(pid);

say("completed", s.completed - earlier);
say("ms_a_job", (took / count).toFixed(3));
say("cpu", ((after.cpu - before.cpu) / count).toFixed(3));
say("peak", peak);
if (early > 0) {
	say("early", early);
	say("late", after.own);
	say("growth", (after.own / early).toFixed(3));
}
const list = await events();
say("lead", lead(list));
say("gap", (idle(list, 2) / count).toFixed(3));
