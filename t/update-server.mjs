// A server of updates for the tests, as muster-update(7) describes it: it
// makes its own metadata, with Node's crypto, and lies on request.
//
//	node update-server.mjs DIR
//
// DIR/release.json, read anew at each request, says what there is:
// {"version","target","channel","format","file","custom":{..},
//  "return_from":[..],"lie":WORD,"offer":VERSION,"patch":FILE,"from":HEX,
//  "slow":BYTES,"path":OFFERED,"metadata":VERSION}
// DIR gets port, root.json (the first root), and report.N for each report,
// and requests: a line for each.
import { createServer } from 'node:http';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync, appendFileSync, existsSync } from
    'node:fs';

const dir = process.argv[2];
const sha = (b) => createHash('sha256').update(b).digest('hex');
const canon = (v) => Array.isArray(v) ? '[' + v.map(canon).join(',') + ']' :
    v !== null && typeof v === 'object' ? '{' + Object.keys(v).sort().map(
	(k) => JSON.stringify(k) + ':' + canon(v[k])).join(',') + '}' :
    JSON.stringify(v);

function makeKey() {
	const k = generateKeyPairSync('ed25519');
	const raw = k.publicKey.export({ format: 'der', type: 'spki' })
	    .subarray(-32);
	const pub = { keytype: 'ed25519', scheme: 'ed25519',
	    keyval: { public: raw.toString('hex') } };
	return { pub, id: sha(canon(pub)), priv: k.privateKey };
}
const signed = (body, ...keys) => JSON.stringify({ signed: body,
    signatures: keys.map((k) => ({ keyid: k.id,
	sig: sign(null, Buffer.from(canon(body)), k.priv)
	    .toString('hex') })) });

const rootKey = makeKey(), onlineKey = makeKey(), nextKey = makeKey(),
    stranger = makeKey();
const far = '2040-01-01T00:00:00Z', past = '2020-01-01T00:00:00Z';
const role = (k) => ({ keyids: [k.id], threshold: 1 });
function root(version, targetsKey) {
	const keys = {};
	for (const k of [rootKey, onlineKey, targetsKey])
		keys[k.id] = k.pub;
	return signed({ _type: 'root', spec_version: '1.0.31', version,
	    expires: far, consistent_snapshot: false, keys,
	    roles: { root: role(rootKey), targets: role(targetsKey),
		snapshot: role(onlineKey), timestamp: role(onlineKey) } },
	    rootKey);
}
const targetsKey = makeKey();
writeFileSync(dir + '/root.json', root(1, targetsKey));

// Metadata grows with each release: version 10, or less for a lie.
function metadata(r) {
	const file = readFileSync(r.file);
	const name = `muster-agent_${r.version}_${r.target}_${r.channel}`;
	const revoked = r.lie === 'revoked';
	const v = r.lie === 'rolled_back' ? 1 : r.metadata ?? 10;
	const custom = { version: r.version, target: r.target,
	    channel: r.channel, format: r.format,
	    return_from: r.return_from ?? [], ...r.custom };
	const targets = signed({ _type: 'targets', spec_version: '1.0.31',
	    version: v, expires: far, targets: { [name]: {
		length: file.length, custom,
		hashes: { sha256: r.lie === 'hash' ? sha('other') :
		    sha(file) } } } },
	    r.lie === 'signature' ? stranger : targetsKey);
	const snapshot = signed({ _type: 'snapshot', spec_version: '1.0.31',
	    version: v, expires: far, meta: { 'targets.json':
		{ version: v } } }, onlineKey);
	const timestamp = signed({ _type: 'timestamp',
	    spec_version: '1.0.31', version: v,
	    expires: r.lie === 'expired' ? past : far,
	    meta: { 'snapshot.json': { version: v } } }, onlineKey);
	const all = { 'timestamp.json': timestamp, 'snapshot.json': snapshot,
	    'targets.json': targets };
	if (revoked)		// the targets' key is no longer among them
		all['2.root.json'] = root(2, nextKey);
	return { all, name, file };
}

let reports = 0;
function answer(req, res, body) {
	const url = new URL(req.url, 'http://x');
	const r = existsSync(dir + '/release.json') ?
	    JSON.parse(readFileSync(dir + '/release.json')) : null;
	const say = (code, o) => { res.writeHead(code,
	    { 'Content-Type': 'application/json' });
	    res.end(JSON.stringify(o)); };
	const base = `http://127.0.0.1:${server.address().port}`;
	appendFileSync(dir + '/requests', `${req.method} ${url.pathname} ` +
	    `${req.headers.range ?? '-'} ` +
	    `${req.headers.authorization ? 'known' : 'unknown'}\n`);
	if (url.pathname === '/api/agents/update/report') {
		writeFileSync(`${dir}/report.${++reports}`, body);
		return say(200, { success: true });
	}
	if (r === null)
		return say(200, { success: true, update: false,
		    reason: 'none' });
	const m = metadata(r);
	if (url.pathname === '/api/agents/update') {
		writeFileSync(dir + '/query', url.search);
		const o = { success: true, update: true,
		    version: r.offer ?? r.version, channel: r.channel,
		    target: r.target, rollout: 'r1', path: r.path ?? m.name,
		    format: r.format, url: base + '/file',
		    sha256: sha(m.file), length: m.file.length, patch: null,
		    metadata_url: base + '/metadata/', retry_after: 60 };
		if (r.patch) {
			const p = readFileSync(r.patch);
			o.patch = { format: 'zstd-patch-from',
			    from_sha256: r.from, url: base + '/patch',
			    sha256: sha(p), length: p.length };
		}
		return say(200, o);
	}
	if (url.pathname.startsWith('/metadata/')) {
		const text = m.all[url.pathname.slice(10)];
		if (text === undefined)
			return say(404, { success: false });
		res.writeHead(200);
		return res.end(text);
	}
	if (url.pathname === '/patch')
		return res.end(readFileSync(r.patch));
	if (url.pathname === '/file')
		return sendFile(req, res, r, m.file);
	say(404, { success: false });
}

// Whole or the rest; breaks off after "slow" bytes of each answer.
function sendFile(req, res, r, file) {
	const want = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '');
	let from = 0, to = file.length;
	if (want && (!req.headers['if-range'] ||
	    req.headers['if-range'] === `"${sha(file)}"`)) {
		from = Number(want[1]);
		to = want[2] ? Math.min(to, Number(want[2]) + 1) : to;
		res.writeHead(206, { 'Content-Length': to - from,
		    'Content-Range': `bytes ${from}-${to - 1}/${file.length}`,
		    ETag: `"${sha(file)}"` });
	} else
		res.writeHead(200, { 'Content-Length': file.length,
		    ETag: `"${sha(file)}"` });
	const part = file.subarray(from, to);
	if (r.slow && part.length > r.slow)
		return res.write(part.subarray(0, r.slow),
		    () => setTimeout(() => res.destroy(), 50));
	res.end(part);
}

const server = createServer((req, res) => {
	const parts = [];
	req.on('data', (b) => parts.push(b));
	req.on('end', () => {
		try {
			answer(req, res, Buffer.concat(parts));
		} catch (e) {
			res.writeHead(500);
			res.end(String(e));
		}
	});
});
server.listen(0, '127.0.0.1', () =>
    writeFileSync(dir + '/port', String(server.address().port)));
