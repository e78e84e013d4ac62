// node spooldrive.mjs DIR EVENTS ROUNDS AGENT: that many events through an
// agent that is killed, a server that is killed, and a link that is cut, each
// at random, so many times all told.  Says what is missing, double or out of
// order, in the server's file.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';

const [, , dir, count, rounds, agentBin] = process.argv;
const events = Number(count), file = `${dir}/events`;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const log = fs.openSync(`${dir}/agent.log`, 'a');
let server, agent, ending = false;

const freePort = () => new Promise((done) => {
	const s = net.createServer().listen(0, '127.0.0.1', () => {
		const { port } = s.address();
		s.close(() => done(port));
	});
});
const port = await freePort();

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

function run(argv) {
	const p = spawn(argv[0], argv.slice(1), { stdio: ['ignore', log, log] });
	p.gone = new Promise((done) => p.on('exit', done));
	return p;
}
const startServer = () => { server = run([process.execPath,
    `${import.meta.dirname ?? new URL('.', import.meta.url).pathname}/eventsink.mjs`,
    String(port), file]); };
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
async function produce() {
	for (let n = 1; given.length < events;) {
		const how = await give(n);
		if (how === 'refused') {
			await sleep(5);
			continue;
		}
		if (how === 'kept')
			given.push(n);
		n++;
	}
}

const counts = { agent: 0, server: 0, link: 0 };
async function torment() {
	for (let i = 0; i < Number(rounds); i++) {
		// all rounds within the events, wherever they stand
		const due = events * (i + Math.random()) / Number(rounds);
		while (given.length < due && given.length < events)
			await sleep(1);
		const what = ['agent', 'server', 'link'][Math.floor(Math.random() * 3)];
		counts[what]++;
		if (what === 'link') {
			pipes.forEach((p) => p.resetAndDestroy?.() ?? p.destroy());
		} else {
			const p = what === 'agent' ? agent : server;
			p.kill('SIGKILL');
			await p.gone;
			(what === 'agent' ? startAgent : startServer)();
		}
	}
}

// Messages that the server has, in its order.
const have = () => fs.existsSync(file) ? fs.readFileSync(file, 'utf8')
    .split('\n').map((x) => x.split(' ')).filter((f) => f[2] === 'log')
    .map((f) => Number(f[4])) : [];

startServer();
startAgent();
await Promise.all([produce(), torment()]);
const until = Date.now() + 120000;
while ((have().at(-1) ?? 0) < given.at(-1) && Date.now() < until)
	await sleep(100);
for (const p of [agent, server]) {
	p.kill('SIGTERM');
	await p.gone;
}
relay.close();
pipes.forEach((p) => p.destroy());

const got = have(), seen = new Set(got);
const missing = given.filter((n) => !seen.has(n)).length;
const disorder = got.filter((n, i) => i > 0 && n <= got[i - 1]).length;
console.log(`killed: agent ${counts.agent}, server ${counts.server}; ` +
    `cut: ${counts.link}`);
console.log(`kept ${given.length}, arrived ${seen.size}, missing ${missing},` +
    ` double ${got.length - seen.size}, out of order ${disorder}`);
process.exitCode = missing + disorder + got.length - seen.size > 0 ? 1 : 0;
