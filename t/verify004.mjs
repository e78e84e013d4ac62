// verifyEnvelope() as document 004 has it, for t/unit/hmaclink.c:
//   node t/verify004.mjs SECRET       an envelope a line; says which are wrong
//   node t/verify004.mjs SECRET make  a payload a line in, an envelope out
import crypto from 'crypto';
import readline from 'readline';

const secret = process.argv[2];
const computeSignature = (env) =>
	crypto.createHmac('sha256', secret).update(JSON.stringify({
		type: env.type,
		agentId: env.agentId,
		ts: env.ts,
		nonce: env.nonce,
		payload: env.payload,
	})).digest('hex');
const verifyEnvelope = (env) => {
	const { signature, ...rest } = env;
	return crypto.timingSafeEqual(Buffer.from(signature, 'hex'),
	    Buffer.from(computeSignature(rest), 'hex'));
};
const make = (payload) => {
	const env = { type: 'command', agentId: 'agent-001', ts: Date.now(),
	    nonce: crypto.randomUUID(), payload };
	return JSON.stringify({ ...env, signature: computeSignature(env) });
};

let n = 0;
let wrong = 0;
readline.createInterface({ input: process.stdin }).on('line', (line) => {
	n++;
	if (process.argv[3] === 'make')
		console.log(make(JSON.parse(line)));
	else if (!verifyEnvelope(JSON.parse(line)))
		wrong++;
}).on('close', () => {
	if (process.argv[3] !== 'make')
		console.log(`${n} read, ${wrong} wrong`);
});
