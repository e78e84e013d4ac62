// An agent of document 002: node client002.mjs WS-URL KEY.PEM AGENT-ID WORD
//	session	authenticates, registers, sends three heartbeats
//	again	authenticates with the registration that it had, a heartbeat
//	early	a heartbeat without authentication
//	flip	sends an auth message once for each byte with that byte changed
//	flip-registration	the same with the second step of registration
// Prints what came of it; exit 1 where that is not what the document says.
import fs from 'node:fs';
import * as l from './link002.mjs';

const [url, keyFile, agentId, word] = process.argv.slice(2);
const key = fs.existsSync(keyFile) ? l.keyOf(fs.readFileSync(keyFile)) :
    l.newKey();
fs.writeFileSync(keyFile, l.pemOf(key), { mode: 0o600 });

function fail(text) {
	console.log(`FAILED: ${text}`);
	process.exit(1);
}

async function ask(s, message) {
	s.send(typeof message === 'string' ? message : JSON.stringify(message));
	const text = await s.next();
	return text === null ? null : JSON.parse(text);
}

async function authenticate() {
	const s = await l.connect(url);
	const e = await ask(s, l.authRequest(key, agentId));
	if (e === null || e.channel !== 'auth' || e.type !== 'response' ||
	    l.payloadOf(e).success !== true)
		fail(`auth: ${e && e.payload}`);
	return [s, l.payloadOf(e)];
}

function completion(init, host) {
	const text = Buffer.concat([l.unb64(init.nonce),
		Buffer.from(init.server_time), Buffer.from(host)]);
	return { registration_id: init.registration_id, host_id: host,
	    signature: l.sign(key, text) };
}

async function begin(s) {
	const e = await ask(s, l.request('agent.registration',
	    { host_id: agentId, public_key: l.b64(key.pub) }));
	if (e === null || e.channel !== 'agent.registration')
		fail(`registration: ${e && e.payload}`);
	return l.payloadOf(e);
}

// Heartbeats have no answer: a question that has one shows that they passed.
async function beat(s, n) {
	for (let i = 0; i < n; i++)
		s.send(JSON.stringify(l.heartbeat()));
	const e = await ask(s, l.request('no.such.channel', {}));
	if (e === null || l.payloadOf(e).code !== 'unknown_channel')
		fail(`heartbeats: ${e && e.payload}`);
	console.log(`heartbeats ${n}`);
}

async function session() {
	const [s] = await authenticate();
	console.log('authenticated');
	const init = await begin(s);
	const e = await ask(s, l.request('agent.registration.complete',
	    completion(init, agentId)));
	if (e === null || e.channel !== 'agent.registration.complete')
		fail(`completion: ${e && e.payload}`);
	console.log(`registered ${l.payloadOf(e).agent_uid}`);
	await beat(s, 3);
	s.close();
}

async function again() {
	const [s] = await authenticate();
	await beat(s, 1);
	s.close();
}

async function early() {
	const s = await l.connect(url);
	const e = await ask(s, l.heartbeat());
	if (e === null || e.channel !== 'error')
		fail('no error');
	console.log(l.payloadOf(e).error);
	if (await s.next() !== null || s.code !== 1008)
		fail(`not closed (${s.code})`);
	console.log('closed');
}

// Every byte but those of the id, which is an address for the answer.
async function flip() {
	const text = JSON.stringify(l.authRequest(key, agentId));
	const id = JSON.parse(text).id;
	const from = text.indexOf(id), to = from + id.length;
	let tried = 0;
	for (let i = 0; i < text.length; i++) {
		if (i >= from && i < to)
			continue;
		const bad = Buffer.from(text);
		bad[i] ^= 1 << i % 7;
		const s = await l.connect(url);
		const e = await ask(s, bad.toString());
		if (e === null || e.channel !== 'error')
			fail(`byte ${i} of ${bad}`);
		if (await s.next() !== null)
			fail(`byte ${i}: not closed`);
		tried++;
	}
	console.log(`refused ${tried} of ${tried}`);
}

async function flipRegistration() {
	let tried = 0;
	for (let i = 0; ; i++) {
		const [s] = await authenticate();
		const text = JSON.stringify(completion(await begin(s), agentId));
		if (i >= text.length)
			break;
		const bad = Buffer.from(text);
		bad[i] ^= 1 << i % 7;
		const e = await ask(s, { ...l.request(
		    'agent.registration.complete', {}), payload: l.b64(bad) });
		if (e === null || e.channel !== 'error')
			fail(`byte ${i} of ${bad}`);
		s.close();
		tried++;
	}
	console.log(`refused ${tried} of ${tried}`);
}

const words = { session, again, early, flip,
    'flip-registration': flipRegistration };
await words[word]();
process.exit(0);
