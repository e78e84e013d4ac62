// A build server that misbehaves in a chosen way, for the tests of muster(1).
// usage: node cli-server.mjs SCENARIO LOG: prints its URL; a line in LOG for
// each request: method, path, Last-Event-ID, Range.
import http from 'node:http';
import fs from 'node:fs';
import crypto from 'node:crypto';

const [scenario, log] = process.argv.slice(2);
const ID = '00000000-0000-4000-8000-000000000001';
let n = 0;			// requests of the kind that a scenario counts

const event = (seq, type = 'buildJobAdded') =>
	`id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ seq,
	    t: 1700000000000, type,
	    job: { id: ID, status: 'pending', customName: 'x',
	    user: 'u' } })}\n\n`;
const line = (i) =>
	`id: ${i}\ndata: ${JSON.stringify({ t: i, step: 's', err: 0,
	    text: `line ${i}` })}\n\n`;
const json = (res, o, status = 200, headers = {}) => {
	res.writeHead(status, { 'Content-Type': 'application/json',
	    ...headers });
	res.end(JSON.stringify(o));
};
const stream = (res) => res.writeHead(200,
    { 'Content-Type': 'text/event-stream; charset=utf-8' });
const job = (status, more = {}) => ({ success: true, job: { id: ID,
    status, progress: 10, step: 's', ...more } });

const body = Buffer.alloc(300000, 'muster ');
const sum = crypto.createHash('sha256').update(body).digest('hex');
const fileHeaders = { 'Content-Type': 'application/gzip', ETag: `"${sum}"`,
    'X-Checksum-SHA256': sum, 'X-Signature-Ed25519': 'AAAA',
    'Content-Disposition': 'attachment; filename="a.tar.gz"' };

// The file or its part; only `give` bytes of it before the connection breaks.
function send(req, res, give) {
	const m = /^bytes=(\d+)-$/.exec(req.headers.range ?? '');
	const from = m && req.headers['if-range'] === `"${sum}"` ?
	    Number(m[1]) : 0;
	const part = body.subarray(from);

	res.writeHead(from ? 206 : 200, { ...fileHeaders,
	    'Content-Length': part.length,
	    ...(from ? { 'Content-Range': `bytes ${from}-` +
		`${body.length - 1}/${body.length}` } : {}) });
	if (req.method === 'HEAD' || give === undefined) {
		res.end(part);
		return;
	}
	res.write(part.subarray(0, give), () => setTimeout(() =>
	    res.destroy(), 50));
}

const scenarios = {
	silent() { },
	'sse-cut'(req, res) {
		stream(res);
		switch (++n) {
		case 1:
			res.write(event(1) + event(2) + event(3).slice(0, 30),
			    () => res.destroy());
			break;
		case 2:
			res.end(event(3));
			break;
		default:
			res.write(event(4));
		}
	},
	'sse-silent'(req, res) {
		stream(res);
		res.write(event(++n));
	},
	'sse-alive'(req, res) {
		stream(res);
		res.write(event(++n));
		setInterval(() => res.write(':\n\n'), 100);
		setTimeout(() => res.write(event(100)), 2000);
	},
	'sse-gap'(req, res) {
		stream(res);
		res.write('event: gap\ndata: {"first":7}\n\n' + event(7));
	},
	'sse-huge'(req, res) {
		stream(res);
		const chunk = 'data: ' + 'x'.repeat(60000) + '\n';
		const more = () => {
			while (res.write(chunk))
				;
		};
		res.on('drain', more);
		more();
	},
	'sse-refused'(req, res) {
		json(res, { success: false, error: 'a valid API key is needed',
		    field: 'Authorization' }, 401);
	},
	// An older server: events as pages alone.
	pages(req, res, url) {
		const after = Number(url.searchParams.get('after') ?? 0);
		const last = Math.min(++n, 5);
		const events = [];

		for (let i = after + 1; i <= last; i++)
			events.push({ seq: i, t: 0, type: 'buildJobAdded',
			    job: { id: ID } });
		json(res, { success: true, events, next: last });
	},
	'log-cut'(req, res, url) {
		if (!url.pathname.endsWith('/log'))
			return json(res, job('running'));
		stream(res);
		if (++n === 1)
			res.write(line(0) + line(1), () => res.destroy());
		else
			res.write(line(2) + 'event: end\ndata: ' +
			    '{"status":"completed"}\n\n');
	},
	'log-pages'(req, res, url) {
		const from = Number(url.searchParams.get('from'));

		if (!url.pathname.endsWith('/log'))
			return json(res, job(++n < 3 ? 'running' :
			    'completed'));
		json(res, { success: true, next: n, lines: Array.from(
		    { length: Math.max(0, n - from) }, (_, i) => ({
		    t: from + i, step: 's', text: `line ${from + i}` })) });
	},
	wait(req, res) {
		switch (++n) {
		case 1: return json(res, job('pending'));
		case 2: return json(res, { success: false,
		    error: 'the server stops' }, 503);
		case 3: return res.destroy();
		case 4: return json(res, { success: false, error: 'too often' },
		    429, { 'Retry-After': '1' });
		default: return json(res, job('completed', {
		    downloadUrl: '/x' }));
		}
	},
	running(req, res) {
		if (req.method === 'POST')
			return json(res, { success: true, jobId: ID }, 202);
		json(res, job('running'));
	},
	evil(req, res) {
		const text = '\u001b[2Jx\ny\tz\u009b31m';

		json(res, { success: true, nextCursor: null, jobs: [{ id: ID,
		    status: text, platform: 'linux', architecture: 'x64',
		    customName: text, user: text, createdAt: text }],
		    job: { id: ID, status: text, error: text },
		    lines: [{ t: 0, step: text, text }], next: 1 });
	},
	notjson(req, res) {
		res.end('<html>');
	},
	later(req, res) {
		json(res, { success: false, error: 'too many jobs wait',
		    field: 'user' }, 429, { 'Retry-After': '7' });
	},
	'file-cut'(req, res) {
		send(req, res, req.method === 'GET' && ++n < 3 ? 100000 :
		    undefined);
	},
	// Breaks for ever, without another byte.
	'file-dies'(req, res) {
		if (req.method === 'GET' && ++n > 1)
			return json(res, { success: false,
			    error: 'this download was used up' }, 429);
		send(req, res, req.method === 'GET' ? 100000 : undefined);
	},
	'file-hangs'(req, res) {
		if (req.method === 'HEAD')
			return send(req, res);
		res.writeHead(200, { ...fileHeaders,
		    'Content-Length': body.length });
		res.write(body.subarray(0, 100000));
	},
	'file-changed'(req, res) {
		req.headers['if-range'] = 'another';
		send(req, res, req.method === 'GET' && ++n < 2 ? 100000 :
		    undefined);
	},
	'file-long'(req, res) {
		if (req.method === 'HEAD')
			return send(req, res);
		res.writeHead(200, fileHeaders);
		res.write(body);
		res.end('more');
	},
	'file-wrong'(req, res) {
		if (req.method === 'HEAD')
			return send(req, res);
		res.writeHead(200, { ...fileHeaders,
		    'Content-Length': body.length });
		res.end(Buffer.alloc(body.length, 'x'));
	},
	'file-name'(req, res) {
		fileHeaders['Content-Disposition'] =
		    'attachment; filename="../../evil"';
		send(req, res);
	},
};

const server = http.createServer((req, res) => {
	const url = new URL(req.url, 'http://localhost');

	fs.appendFileSync(log, [req.method, req.url,
	    req.headers['last-event-id'] ?? '-', req.headers.range ?? '-',
	    req.headers.authorization ? 'key' : '-'].join(' ') + '\n');
	req.resume();
	scenarios[scenario](req, res, url);
});
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () =>
	console.log(`http://127.0.0.1:${server.address().port}`));
