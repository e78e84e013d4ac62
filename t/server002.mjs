// A server of document 002 alone, without our extensions:
// node server002.mjs WORD; prints the URL, then one line for each event.
//	plain	answers as the document says
//	skew	its clock is an hour ahead, and it says so
//	refuse	refuses every authentication
//	away	sends the first agent away for half a second
//	busy	refuses the first handshake with 503 and Retry-After: 1
//	ask	asks on a channel that the agent does not know
import crypto from 'node:crypto';
import * as l from './link002.mjs';

const word = process.argv[2];
const started = Date.now();
const say = (...a) => console.log(Date.now() - started, ...a);
const clock = () => l.nowS() + (word === 'skew' ? 3600 : 0);
let connections = 0;

const answer = (s, e, channel, payload) => s.send(JSON.stringify({
	id: e.id, type: 'response', channel,
	payload: l.b64(JSON.stringify(payload)), timestamp: clock(),
	headers: {} }));

function authenticated(s, e) {
	const a = l.payloadOf(e);
	if (Math.abs(a.timestamp - clock()) > 300) {
		say('skewed');
		answer(s, e, 'error', { error: 'timestamp out of range',
		    code: 'clock_skew', server_time: clock() });
		return null;
	}
	const text = `${a.agent_id}:${a.public_key}:${a.timestamp}:${a.nonce}`;
	if (e.type !== 'request' || e.channel !== 'auth' ||
	    l.unb64(a.nonce).length !== 16 || word === 'refuse' ||
	    e.nonce !== a.nonce || e.signature !== a.signature ||
	    !l.verify(a.public_key, text, a.signature)) {
		say('refused');
		answer(s, e, 'error', { error: 'signature verify failed' });
		return null;
	}
	say('authenticated', a.agent_id);
	answer(s, e, 'auth', { success: true, message: 'welcome',
	    session_token: 'token', expires_at: clock() + 3600,
	    backend_key: l.b64(crypto.randomBytes(32)) });
	return a;
}

async function register(s, e, agent) {
	const init = l.payloadOf(e);
	const nonce = crypto.randomBytes(24), time = new Date().toISOString();
	if (init.host_id !== agent.agent_id ||
	    init.public_key !== agent.public_key)
		say('BAD init', JSON.stringify(init));
	answer(s, e, e.channel, { registration_id: 'reg-1',
	    nonce: l.b64(nonce), server_time: time });
	const text = await s.next();
	if (text === null)
		return say('BAD: left within the registration');
	const done = JSON.parse(text);
	const p = l.payloadOf(done);
	const good = done.channel === 'agent.registration.complete' &&
	    p.registration_id === 'reg-1' && l.verify(agent.public_key,
	    Buffer.concat([nonce, Buffer.from(time + p.host_id)]), p.signature);
	say(good ? 'registered' : 'BAD registration', p.host_id);
	answer(s, done, done.channel, { agent_uid: 'uid-1',
	    bootstrap_token: 'boot' });
}

async function hear(s, agent) {
	for (let text; (text = await s.next(600000)) !== null;) {
		const e = JSON.parse(text);
		if (e.type === 'heartbeat')
			say('heartbeat', e.payload === '{}' &&
			    Math.abs(e.timestamp - clock()) <= 5 ? 'good' : 'BAD',
			    JSON.stringify(Object.keys(e).sort()));
		else if (e.channel === 'agent.registration')
			await register(s, e, agent);
		else if (e.channel === 'telemetry')
			say('telemetry', typeof l.payloadOf(e).memPercent);
		else
			say('message', e.type, e.channel, e.payload &&
			    JSON.stringify(l.payloadOf(e)));
	}
	say('closed', s.code);
}

async function serve(s) {
	const n = ++connections;
	const text = await s.next();
	const agent = text === null ? null : authenticated(s, JSON.parse(text));
	if (agent === null)
		return s.close(1008);
	const ask = (channel, payload) => s.send(JSON.stringify({ id: 'ask_1',
	    type: 'request', channel, payload: l.b64(JSON.stringify(payload)),
	    timestamp: clock(), headers: {} }));
	if (word === 'away' && n === 1) {
		setTimeout(() => {
			say('sent away');
			ask('link.closing', { retry_after: 0.5 });
			s.close(1001);
		}, 300);
	}
	if (word === 'ask')
		setTimeout(() => ask('brew.coffee', {}), 300);
	await hear(s, agent);
}

let handshakes = 0;
const server = await l.listen(serve, () => word === 'busy' &&
    handshakes++ === 0 && (say('sent away'), 'HTTP/1.1 503 Busy\r\n' +
    'Retry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'));
console.log(`http://127.0.0.1:${server.address().port}`);
