// node spooldrive.mjs DIR EVENTS ROUNDS AGENT [TESTBED]: that many events
// through an agent that is killed, a server that is killed, and a link that is
// cut, each at random, so many times all told.  Says what is missing, double or
// out of order at the server: t/eventsink.mjs and its file; or, with TESTBED,
// what that starts in DIR/srv, and its API.  Then both are also restarted in
// order, and between two rounds something must have arrived.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';

const [, , dir, count, rounds, agentBin, testbed] = process.argv;
const events = Number(count), file = `${dir}/events`;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const log = fs.openSync(`${dir}/agent.log`, 'a');
let server, agent;

const freePort = () => new Promise((done) => {
	const s = net.createServer().listen(0, '127.0.0.1', () => {
		const { port } = s.address();
		s.close(() => done(port));
	});
});

function run(argv) {
	const p = spawn(argv[0], argv.slice(1), { stdio: ['ignore', log, log] });
	p.gone = new Promise((done) => p.on('exit', done));
	return p;
}

// -- the server: start(), end(SIGNAL), have(): its messages in its order --

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const sink = {
	kinds: ['agent', 'server', 'link'],
	start() {
		server = run([process.execPath, `${here}/eventsink.mjs`,
		    String(port), file]);
	},
	async end(signal) {
		server.kill(signal);
		await server.gone;
	},
	have: () => fs.existsSync(file) ? fs.readFileSync(file, 'utf8')
	    .split('\n').map((x) => x.split(' ')).filter((f) => f[2] === 'log')
	    .map((f) => Number(f[4])) : []
};

const real = {
	kinds: ['agent', 'server', 'link', 'agent restarted',
	    'server restarted'],
	env: {}, uid: '', after: 0, messages: [],
	async start() {
		const text = await new Promise((done, fail) => execFile(testbed,
		    ['--server-arg', '--open-registration', `${dir}/srv`],
		    (e, out) => e ? fail(e) : done(out)));
		for (const [, k, v] of text.matchAll(/^(\w+)='?([^'\n]*)'?$/gm))
			this.env[k] = v;
	},
	async end(signal) {
		const pid = Number(fs.readFileSync(`${dir}/srv/buildsrv.pid`));
		process.kill(pid, signal);
		while (fs.existsSync(`/proc/${pid}`))
			await sleep(5);
	},
	async get(path) {
		const r = await fetch(this.env.MUSTER_SERVER + path, { headers:
		    { Authorization: `Bearer ${this.env.MUSTER_API_KEY}` } });
		if (!r.ok)
			throw Error(`${path}: ${r.status}`);
		return r.json();
	},
	async have() {
		if (!this.uid) {
			const list = await this.get('/agents');
			this.uid = list.agents?.[0]?.uid ?? '';
			if (!this.uid)
				return [];
		}
		for (;;) {
			const { events: page } = await this.get('/api/agents/' +
			    `${this.uid}/events?after=${this.after}&limit=200`);
			if (page.length === 0)
				return this.messages;
			this.after = page.at(-1).n;
			this.messages.push(...page.filter((e) => e.class === 'log' &&
			    e.module === 'local').map((e) =>
			    Number(e.data.message)));
		}
	}
};
const peer = testbed ? real : sink;
if (testbed)
	await peer.start();
const port = testbed ? new URL(peer.env.MUSTER_SERVER).port :
    await freePort();

// The link goes through here, to be cut.
const pipes = new Set();
const relay = net.createServer((a) => {
	const b = net.connect(port, '127.0.0.1');
	for (const [x, y] of [[a, b], [b, a]]) {
		x.on('error', () => y.destroy());
		x.on('close', () => { y.destroy(); pipes.delete(a); });
		x.pipe(y);
	}
	pipes.add(a);
});
await new Promise((done) => relay.listen(0, '127.0.0.1', done));

const startAgent = () => { agent = run([agentBin, '--server',
    `http://127.0.0.1:${relay.address().port}`, '--state-dir', `${dir}/state`,
    '--encryption', 'off', '--name', 'box', '--metrics-interval', '1s']); };

// An event counts when the agent says that it is kept.  One whose answer was
// lost may be there, once, and is not given again.
const given = [];
function give(n) {
	return new Promise((done) => {
		const q = http.request({ socketPath: `${dir}/state/local.sock`,
		    path: '/internal/log', method: 'POST' }, (r) => {
			r.resume();
			r.on('error', () => done('unsure'));
			r.on('end', () => done(r.statusCode === 202 ? 'kept' :
			    'refused'));
		});
		q.on('error', (e) => done(['ECONNREFUSED', 'ENOENT']
		    .includes(e.code) ? 'refused' : 'unsure'));
		q.end(JSON.stringify({ message: String(n) }));
	});
}
let limit = testbed ? 0 : events;
async function produce() {
	for (let n = 1; given.length < events;) {
		const how = given.length < limit ? await give(n) : 'refused';
		if (how === 'refused') {
			await sleep(5);
			continue;
		}
		if (how === 'kept')
			given.push(n);
		n++;
	}
}

// At the real server's: the link is up again, and something has come.
async function progress() {
	const was = (await peer.have()).length;
	while ((await peer.have()).length === was && was < given.length)
		await sleep(50);
}

const began = Date.now();
const counts = Object.fromEntries(peer.kinds.map((k) => [k, 0]));
async function torment() {
	for (let i = 0; i < Number(rounds); i++) {
		// all rounds within the events, wherever they stand
		const due = events * (i + Math.random()) / Number(rounds);
		if (testbed)
			limit = Math.ceil(events * (i + 1) / Number(rounds));
		while (given.length < due && given.length < events)
			await sleep(1);
		const what = peer.kinds[Math.floor(Math.random() *
		    peer.kinds.length)];
		const signal = what.endsWith('restarted') ? 'SIGTERM' : 'SIGKILL';
		counts[what]++;
		if (what === 'link') {
			pipes.forEach((p) => p.resetAndDestroy?.() ?? p.destroy());
		} else if (what.startsWith('agent')) {
			agent.kill(signal);
			await agent.gone;
			startAgent();
		} else {
			await peer.end(signal);
			await peer.start();
		}
		if (testbed)
			await progress();
		if (process.env.VERBOSE)
			console.error(`${((Date.now() - began) / 1000).toFixed(1)}` +
			    ` s: round ${i + 1}: ${what}, ${given.length} given`);
	}
}

if (!testbed)
	peer.start();
startAgent();
await Promise.all([produce(), torment()]);
const until = Date.now() + 120000;
while (((await peer.have()).at(-1) ?? 0) < given.at(-1) && Date.now() < until)
	await sleep(100);
const got = await peer.have(), seen = new Set(got);
agent.kill('SIGTERM');
await agent.gone;
if (!testbed)
	await peer.end('SIGTERM');
relay.close();
pipes.forEach((p) => p.destroy());

const missing = given.filter((n) => !seen.has(n)).length;
const disorder = got.filter((n, i) => i > 0 && n <= got[i - 1]).length;
console.log(`killed or cut: ${Object.entries(counts).map(([k, n]) =>
    `${k} ${n}`).join(', ')}`);
console.log(`kept ${given.length}, arrived ${seen.size}, missing ${missing},` +
    ` double ${got.length - seen.size}, out of order ${disorder}`);
process.exitCode = missing + disorder + got.length - seen.size > 0 ? 1 : 0;
