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

/*
 * The turns of users with jobs that wait: whoever has the fewest running is
 * next, then who was served longest ago.
 * disorder: starts that were not the next one's; behind: the most that one
 * who waited had fewer running than another; lead: the most that, while both
 * of two waited, one was served more often (it grows where one's build takes
 * as long as several of others').
 */
function turns(list) {
	const users = new Map();
	const pairs = new Map();
	const found = { disorder: 0, behind: 0, lead: 0 };
	const pair = (u, v) => {
		const name = u < v ? `${u} ${v}` : `${v} ${u}`;

		if (!pairs.has(name))
			pairs.set(name, { at: 0, low: 0, high: 0 });
		return pairs.get(name);
	};
	const starts = (u, n) => {
		const me = users.get(u);

		for (const [v, other] of users) {
			if (v === u || other.waiting === 0)
				continue;
			const p = pair(u, v);

			found.disorder += other.running < me.running ||
			    (other.running === me.running &&
			    other.served < me.served);
			found.behind = Math.max(found.behind,
			    me.running + 1 - other.running);
			p.at += u < v ? 1 : -1;
			p.low = Math.min(p.low, p.at);
			p.high = Math.max(p.high, p.at);
			found.lead = Math.max(found.lead, p.high - p.low);
		}
		me.waiting--;
		me.running++;
		me.served = n;
		if (me.waiting === 0)
			for (const v of users.keys())
				pairs.delete(u < v ? `${u} ${v}` : `${v} ${u}`);
	};

	list.forEach(({ type, job: { user } }, n) => {
		if (!users.has(user))
			users.set(user, { waiting: 0, running: 0, served: -1 });
		if (type === "buildJobAdded")
			users.get(user).waiting++;
		else if (type === "buildJobStarted")
			starts(user, n);
		else
			users.get(user).running--;
	});
	return found;
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
const found = turns(list);
for (const name in found)
	say(name, found[name]);
say("gap", (idle(list, 2) / count).toFixed(3));
