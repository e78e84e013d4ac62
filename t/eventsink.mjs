// A server that keeps events: node eventsink.mjs PORT FILE, written from
// muster-link(7).  A line of FILE is an event, there before it is
// acknowledged; one in ten requests is kept and then cut off unanswered.
import crypto from 'node:crypto';
import fs from 'node:fs';
import * as l from './link002.mjs';

const [, , port, file] = process.argv;
const last = new Map();		// by spool
if (fs.existsSync(file)) {
	// killed within a line: what is not whole was not acknowledged
	const text = fs.readFileSync(file, 'utf8');
	const whole = text.slice(0, text.lastIndexOf('\n') + 1);
	fs.truncateSync(file, Buffer.byteLength(whole));
	for (const line of whole.split('\n').slice(0, -1)) {
		const [spool, seq] = line.split(' ');
		last.set(spool, Number(seq));
	}
}
const out = fs.openSync(file, 'a');

function keep(p) {
	let lines = '', seq = p.from;
	for (const e of p.events) {
		seq = e.seq;
		if (seq <= (last.get(p.spool) ?? 0))
			continue;
		last.set(p.spool, seq);
		lines += `${p.spool} ${seq} ${e.class} ${e.type} ` +
		    `${e.data?.message ?? '-'}\n`;
	}
	fs.writeSync(out, lines);
	return seq;
}

const answer = (s, e, payload) => s.send(JSON.stringify({ id: e.id,
    type: 'response', channel: e.channel, timestamp: l.nowS(), headers: {},
    payload: l.b64(JSON.stringify(payload)) }));

await l.listen(async (s) => {
	for (let text; (text = await s.next(3600000)) !== null;) {
		const e = JSON.parse(text);
		if (e.type !== 'request')
			continue;
		const p = l.payloadOf(e);
		if (e.channel === 'auth')
			answer(s, e, { success: true, message: '', session_token: 't',
			    expires_at: l.nowS() + 3600, registered: true,
			    agent_uid: 'uid', server_nonce:
			    l.b64(crypto.randomBytes(16)) });
		else if (e.channel === 'agent.registration')
			answer(s, e, { registration_id: 'r', nonce:
			    l.b64(crypto.randomBytes(24)), server_time: 'now' });
		else if (e.channel === 'agent.registration.complete')
			answer(s, e, { agent_uid: 'uid', bootstrap_token: '' });
		else if (e.channel === 'agent.events') {
			const ack = keep(p);
			if (Math.random() < 0.1)
				s.sock.resetAndDestroy?.() ?? s.sock.destroy();
			else
				answer(s, e, { ack });
		}
	}
}, null, Number(port));
