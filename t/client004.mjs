// An agent written from document 004 alone, for t/4022: one case a run.
//   node client004.mjs URL AGENT_ID SECRET CASE
// prints what became of it: "closed CODE WORDS" or "stays".
import crypto from 'crypto';
import WebSocket from 'ws';

const [url, agentId, secret, what] = process.argv.slice(2);
const sign = (env, key) => crypto.createHmac('sha256', key ?? secret)
    .update(JSON.stringify({ type: env.type, agentId: env.agentId, ts: env.ts,
	nonce: env.nonce, payload: env.payload })).digest('hex');
const make = (type, payload, more) => {
	const env = { type, agentId, ts: Date.now(), nonce: crypto.randomUUID(),
	    payload, ...more };
	return { ...env, signature: sign(env) };
};
const socket = new WebSocket(url);
const send = (env) => socket.send(typeof env === 'string' ? env :
    JSON.stringify(env));
const auth = make('auth', { hostname: 'server-01', version: '4.0.3' });
const odd = { cpuPercent: 25.0, memPercent: 45.2, diskUsage: 1e21, z: -0,
    '10': 5e-324, '9': 'ä\u2028\u001f/<&>', deep: [[[{ b: [1e-7, null] }]]] };
const metrics = make('metrics', odd);
const flip = (env, member) => {
	const v = env[member];
	return { ...env, [member]: typeof v === 'number' ? v + 1 :
	    member === 'payload' ? { ...v, x: 1 } :
	    (v[0] === '0' ? '1' : '0') + v.slice(1) };
};

socket.on('open', () => {
	if (!what.startsWith('first-'))
		send(auth);
	switch (what) {
	case 'good':
		send(metrics);
		send(JSON.stringify(make('heartbeat', { status: 'alive' }),
		    null, 4));
		send(make('log', { level: 'info', message: 'canary-line' }));
		break;
	case 'replay': send(metrics); send(metrics); break;
	case 'replay-auth': send(auth); break;
	case 'late': send(make('metrics', odd, { ts: Date.now() - 301000 })); break;
	case 'early': send(make('metrics', odd, { ts: Date.now() + 301000 })); break;
	case 'json': send('{"type":'); break;
	case 'short': send({ ...metrics, signature: 'abcd' }); break;
	case 'none': send({ ...metrics, signature: undefined }); break;
	case 'other': send(make('metrics', odd, { agentId: 'other' })); break;
	case 'upper': send({ ...metrics,
	    signature: metrics.signature.toUpperCase() }); break;
	case 'first-metrics': send(metrics); break;
	case 'first-json': send('nonsense'); break;
	case 'first-nothing': break;
	case 'first-replay':
		new WebSocket(url).on('open', function () {
			this.send(JSON.stringify(auth));
		}).on('close', (code, why) => console.log(`other ${code} ${why}`));
		setTimeout(() => send(auth), 300);
		break;
	case 'first-late': send(make('auth', {}, { ts: 1731819422000 })); break;
	default:
		if (what.startsWith('flip-'))
			send(flip(metrics, what.slice(5)));
		else if (what.startsWith('first-flip-'))
			send(flip(auth, what.slice(11)));
	}
});
socket.on('message', (data) => {
	const env = JSON.parse(data);
	if (sign(env) !== env.signature) {
		console.log('BAD signature');
		process.exit(1);
	}
	send(make('command_result', { command: env.payload.command,
	    result: env.payload.args, error: '' }));
});
socket.on('close', (code, why) => {
	console.log(`closed ${code} ${why}`);
	process.exit(0);
});
socket.on('error', (e) => console.log(`error ${e.message}`));
if (what !== 'serve')
	setTimeout(() => { console.log('stays'); process.exit(0); }, 1500);
