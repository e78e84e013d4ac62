// Document 002 in Node: envelope, signatures, and as much of RFC 6455 as a
// test needs.  Written from the document (and muster-link(7) for what it
// leaves open), not from our C: the two must meet in the middle.
import crypto from 'node:crypto';
import http from 'node:http';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
export const b64 = (b) => Buffer.from(b).toString('base64');
export const unb64 = (s) => Buffer.from(s, 'base64');
export const nowS = () => Math.floor(Date.now() / 1000);

// -- WebSocket: text messages, one frame each; ours up to 64 KB --

function frame(op, data, mask) {
	const n = data.length;
	const head = n < 126 ? Buffer.from([0x80 | op, n]) :
	    Buffer.from([0x80 | op, 126, n >> 8, n & 255]);
	if (!mask)
		return Buffer.concat([head, data]);
	const key = crypto.randomBytes(4);
	head[1] |= 0x80;
	return Buffer.concat([head, key, data.map((c, i) => c ^ key[i & 3])]);
}

class Socket {
	constructor(sock, isClient, rest) {
		this.sock = sock;
		this.isClient = isClient;
		this.held = Buffer.alloc(0);
		this.inbox = [];
		this.waiting = [];
		this.code = null;
		sock.setNoDelay(true);
		sock.on('data', (d) => this.take(d));
		sock.on('error', () => {});
		sock.on('close', () => this.over(1006));
		if (rest.length > 0)
			this.take(rest);
	}
	take(d) {
		this.held = Buffer.concat([this.held, d]);
		for (;;) {
			const b = this.held;
			if (b.length < 2)
				return;
			let n = b[1] & 127, at = 2;
			if (n === 126) {
				if (b.length < 4)
					return;
				n = b.readUInt16BE(2);
				at = 4;
			} else if (n === 127) {
				if (b.length < 10)
					return;
				n = Number(b.readBigUInt64BE(2));
				at = 10;
			}
			const masked = b[1] & 128;
			const end = at + (masked ? 4 : 0) + n;
			if (b.length < end)
				return;
			let data = b.subarray(end - n, end);
			if (masked)
				data = data.map((c, i) => c ^ b[at + (i & 3)]);
			this.held = b.subarray(end);
			this.got(b[0] & 15, Buffer.from(data));
		}
	}
	got(op, data) {
		if (op === 1)
			this.give(data.toString());
		else if (op === 9)
			this.sock.write(frame(10, data, this.isClient));
		else if (op === 8) {
			this.over(data.length >= 2 ? data.readUInt16BE(0) : 1005);
			this.sock.end(frame(8, data.subarray(0, 2), this.isClient));
		}
	}
	give(text) {
		const w = this.waiting.shift();
		if (w)
			w(text);
		else
			this.inbox.push(text);
	}
	over(code) {
		if (this.code !== null)
			return;
		this.code = code;
		this.waiting.splice(0).forEach((w) => w(null));
	}
	send(text) {
		this.sock.write(frame(1, Buffer.from(text), this.isClient));
	}
	// The next message; null when it has closed (see code).
	next(ms = 10000) {
		if (this.inbox.length > 0)
			return Promise.resolve(this.inbox.shift());
		if (this.code !== null)
			return Promise.resolve(null);
		return new Promise((done, fail) => {
			const t = setTimeout(() => fail(Error('no answer')), ms);
			this.waiting.push((text) => {
				clearTimeout(t);
				done(text);
			});
		});
	}
	close(code = 1000) {
		this.over(code);
		this.sock.end(frame(8, Buffer.from([code >> 8, code & 255]),
		    this.isClient));
	}
}

export function connect(url) {
	const key = b64(crypto.randomBytes(16));
	return new Promise((done, fail) => {
		const req = http.get(url.replace(/^ws/, 'http'), {
			headers: { Connection: 'Upgrade', Upgrade: 'websocket',
			    'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': key },
			agent: false });
		req.on('upgrade', (res, sock, rest) =>
			done(new Socket(sock, true, rest)));
		req.on('response', (res) => fail(Error(`HTTP ${res.statusCode}`)));
		req.on('error', fail);
	});
}

// A server; each(socket) is called for each that connects.
export function listen(each, refuse, port = 0) {
	const server = http.createServer((q, r) => r.writeHead(404).end());
	server.on('upgrade', (req, sock, rest) => {
		const no = refuse && refuse();
		if (no)
			return sock.end(no);
		const accept = crypto.createHash('sha1')
		    .update(req.headers['sec-websocket-key'] + GUID)
		    .digest('base64');
		sock.write('HTTP/1.1 101 Switching Protocols\r\n' +
		    'Upgrade: websocket\r\nConnection: Upgrade\r\n' +
		    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
		each(new Socket(sock, false, rest), req);
	});
	return new Promise((done) => server.listen(port, '127.0.0.1',
	    () => done(server)));
}

// -- document 002 --

export function newKey() {
	const k = crypto.generateKeyPairSync('ed25519');
	return { priv: k.privateKey, pub: k.publicKey
	    .export({ format: 'der', type: 'spki' }).subarray(-32) };
}

export function keyOf(pem) {
	const priv = crypto.createPrivateKey(pem);
	return { priv, pub: crypto.createPublicKey(priv)
	    .export({ format: 'der', type: 'spki' }).subarray(-32) };
}

export const pemOf = (k) => k.priv.export({ format: 'pem', type: 'pkcs8' });
export const sign = (k, data) => b64(crypto.sign(null, Buffer.from(data),
    k.priv));

export function verify(pub, data, sig) {
	const der = Buffer.concat([
		Buffer.from('302a300506032b6570032100', 'hex'), unb64(pub)]);
	return crypto.verify(null, Buffer.from(data), { key: der,
	    format: 'der', type: 'spki' }, unb64(sig));
}

let serial = 0;
export function request(channel, payload, more) {
	return { id: `${channel}_${nowS()}${++serial}`, type: 'request', channel,
	    payload: b64(JSON.stringify(payload)), timestamp: nowS(), ...more,
	    headers: {} };
}

export function authRequest(k, agentId) {
	const timestamp = nowS();
	const public_key = b64(k.pub);
	const nonce = b64(crypto.randomBytes(16));
	const signature = sign(k,
	    `${agentId}:${public_key}:${timestamp}:${nonce}`);
	return request('auth', { agent_id: agentId, public_key, timestamp,
	    nonce, signature }, { timestamp, nonce, signature });
}

export const heartbeat = () => ({ id: `heartbeat_${nowS()}${++serial}`,
	type: 'heartbeat', timestamp: nowS(), payload: '{}', headers: {} });

export const payloadOf = (e) => JSON.parse(e.payload.startsWith('{') ?
	e.payload : unb64(e.payload).toString());
