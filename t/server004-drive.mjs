// Appended to document 004's server (t/server004.ts) by the tests: says its
// port, and takes lines on stdin.
//   COMMAND [JSON]     sendCommand(), with args
//   !flip !late !early !replay !other !text   what no agent may obey
//   !skew !away        closes with the words of our own server
server.on('listening', () => console.log(`PORT ${server.address().port}`));
const drive = (line) => {
	const [word, ...rest] = line.split(' ');
	const session = agents.get('agent-001');
	const env = { type: 'command', agentId: 'agent-001', ts: Date.now(),
	    nonce: crypto.randomUUID(), payload: { command: 'ping', args: {} } };
	const send = () => session.socket.send(JSON.stringify({ ...env,
	    signature: computeSignature(env, AGENT_SECRETS['agent-001']) }));
	if (session === undefined) {
		console.log('NOBODY');
	} else if (word === '!flip') {
		session.socket.send(JSON.stringify({ ...env, signature:
		    computeSignature(env, 'another secret') }));
	} else if (word === '!late' || word === '!early') {
		env.ts += (word === '!late' ? -1 : 1) * 301000;
		send();
	} else if (word === '!replay') {
		send();
		send();
	} else if (word === '!other') {
		env.agentId = 'agent-002';
		send();
	} else if (word === '!skew') {
		session.socket.close(1008, `clock_skew ${Date.now() - 3600000}`);
	} else if (word === '!away') {
		session.socket.close(1001, 'retry_after 0.7');
	} else if (word === '!text') {
		session.socket.send('{"type":');
	} else {
		console.log(`SENT ${sendCommand('agent-001', word,
		    rest.length > 0 ? JSON.parse(rest.join(' ')) : undefined)}`);
	}
};
let input = '';
process.stdin.on('data', (data) => {
	const lines = (input + data).split('\n');
	input = lines.pop();
	lines.forEach(drive);
});
