// An agent of document 002 that stays, for tests of the gateway:
//	node agent002.mjs WS-URL KEY.PEM AGENT-ID [INFO]
// REGISTRATION_KEY in the environment is what it registers with.
// INFO (JSON) goes out on agent.info.  It obeys the commands ping, parts
// (three, then the end), fails, echo (its args) and silent (no answer, but
// that it was cancelled).
// A line of JSON on stdin, [CHANNEL, PAYLOAD], is sent as a request; what
// answers it is printed as "answer PAYLOAD".
import fs from 'node:fs';
import readline from 'node:readline';
import * as l from './link002.mjs';

const [url, keyFile, agentId, info] = process.argv.slice(2);
const key = fs.existsSync(keyFile) ? l.keyOf(fs.readFileSync(keyFile)) :
    l.newKey();
fs.writeFileSync(keyFile, l.pemOf(key), { mode: 0o600 });
const s = await l.connect(url);
const send = (e) => s.send(JSON.stringify(e));
const hear = async () => JSON.parse(await s.next(3600000));
async function ask(e) {
	send(e);
	return l.payloadOf(await hear());
}

const auth = await ask(l.authRequest(key, agentId));
if (!auth.registered) {
	const init = await ask(l.request('agent.registration',
	    { host_id: agentId, public_key: l.b64(key.pub),
	    registration_key: process.env.REGISTRATION_KEY }));
	await ask(l.request('agent.registration.complete', {
	    registration_id: init.registration_id, host_id: agentId,
	    signature: l.sign(key, Buffer.concat([l.unb64(init.nonce),
		Buffer.from(init.server_time), Buffer.from(agentId)])) }));
}
if (info)
	send(l.request('agent.info', JSON.parse(info)));
send(l.heartbeat());
console.log('ready');

readline.createInterface({ input: process.stdin }).on('line',
    (line) => send(l.request(...JSON.parse(line))));

const silent = [];
function obey(e) {
	const { command, args, cancel } = l.payloadOf(e);
	const answer = (o) => send({ ...l.request('agent.command', o),
	    id: e.id, type: 'response' });
	if (cancel !== undefined) {
		console.log(`cancel ${cancel} of ${silent.join(' ')}`);
		return send({ ...l.request('agent.command', { done: true,
		    error: 'cancelled', result: null }), id: cancel,
		    type: 'response' });
	}
	console.log(`command ${command} ${JSON.stringify(args)}`);
	if (command === 'silent')
		return silent.push(e.id);
	if (command === 'parts')
		[1, 2, 3].forEach((n) => answer({ part: { n } }));
	answer({ done: true, error: command === 'fails' ? 'it fails' : '',
	    result: command === 'ping' ? 'pong' :
		command === 'echo' ? args : null });
}

for (;;) {
	const text = await s.next(3600000);
	if (text === null) {
		console.log(`closed ${s.code}`);
		process.exit(0);
	}
	const e = JSON.parse(text);
	if (e.type === 'request' && e.channel === 'agent.command')
		obey(e);
	else
		console.log(`answer ${l.unb64(e.payload)}`);
}
