// For the programs here: requests over connections that are kept, and the
// server's memory and time.
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";

export const server = new URL(process.env.MUSTER_SERVER);
export const key = process.env.MUSTER_API_KEY;

// At most so many connections.
export const pool = (most) => new Agent({ keepAlive: true,
    maxSockets: most });

// {status, headers, body}; body is text.
export function ask(agent, method, path, body, headers = {}) {
	return new Promise((done, failed) => {
		const r = request({ agent, method, path,
		    host: server.hostname, port: server.port, headers: {
			Authorization: `Bearer ${key}`,
			...(body && { "Content-Type": "application/json" }),
			...headers } }, (answer) => {
			let text = "";

			answer.setEncoding("utf8");
			answer.on("data", (part) => text += part);
			answer.on("end", () => done({ body: text,
			    status: answer.statusCode,
			    headers: answer.headers }));
			answer.on("error", failed);
		});
		r.on("error", failed);
		r.end(body);
	});
}

// The same, of JSON; anything but the statuses that are wanted throws.
export async function json(agent, method, path, body, headers, ...wanted) {
	const a = await ask(agent, method, path, body && JSON.stringify(body),
	    headers);

	if (!(wanted.length ? wanted : [200, 202]).includes(a.status))
		throw new Error(`${method} ${path}: ${a.status} ${a.body}`);
	return { status: a.status, ...JSON.parse(a.body) };
}

export const sleep = (ms) => new Promise((go) => setTimeout(go, ms));

// Resident memory, and what of it is the process's own, in kB; processor time
// in ms, without its children's.
export function usage(pid) {
	const status = readFileSync(`/proc/${pid}/status`, "utf8");
	const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
	const field = stat.slice(stat.lastIndexOf(")") + 2).split(" ");

	return { rss: Number(/VmRSS:\s*(\d+)/.exec(status)[1]),
	    own: Number(/RssAnon:\s*(\d+)/.exec(status)[1]),
	    cpu: 10 * (Number(field[11]) + Number(field[12])) };
}

export const median = (list) =>
    [...list].sort((a, b) => a - b)[(list.length - 1) >> 1];
