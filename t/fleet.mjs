// A fleet of agents for tests of rollouts: node fleet.mjs WS-URL COUNT
// Each registers and says that it runs 1.0.0 on linux-x64; then its line
// "agent N UID TOKEN" is printed, and "command N NAME ARGS" for what it is
// told.  A line "version N V" on stdin has it connect anew as version V.
import readline from 'node:readline';
import * as l from './link002.mjs';

const [url, count] = process.argv.slice(2);
const fleet = [];

async function connect(a) {
	const s = await l.connect(url);
	const hear = async () => JSON.parse(await s.next(600000));
	const send = (e) => s.send(JSON.stringify(e));
	const ask = async (e) => (send(e), l.payloadOf(await hear()));
	const auth = await ask(l.authRequest(a.key, a.id));
	if (!auth.registered) {
		const init = await ask(l.request('agent.registration',
		    { host_id: a.id, public_key: l.b64(a.key.pub) }));
		const got = await ask(l.request('agent.registration.complete', {
		    registration_id: init.registration_id, host_id: a.id,
		    signature: l.sign(a.key, Buffer.concat([
			l.unb64(init.nonce), Buffer.from(init.server_time),
			Buffer.from(a.id)])) }));
		console.log(`agent ${a.n} ${got.agent_uid} ${got.bootstrap_token}`);
	}
	send(l.request('agent.info', { name: a.id, version: a.version,
	    os: 'linux', arch: 'x64', os_name: 'a test', capabilities: [] }));
	a.s = s;
	for (let text; (text = await s.next(600000)) !== null;) {
		const e = JSON.parse(text);
		if (e.channel !== 'agent.command' || e.type !== 'request')
			continue;
		const { command, args } = l.payloadOf(e);
		console.log(`command ${a.n} ${command} ${JSON.stringify(args)}`);
		send({ ...l.request('agent.command', { done: true, error: '',
		    result: { accepted: true } }), id: e.id, type: 'response' });
	}
}

for (let n = 0; n < Number(count); n++) {
	fleet.push({ n, id: `host-${n}`, key: l.newKey(), version: '1.0.0' });
	connect(fleet[n]);
}
readline.createInterface({ input: process.stdin }).on('line', (line) => {
	const [, n, version] = line.split(' ');
	const a = fleet[n];
	a.version = version;
	a.s.close();
	connect(a);
});
