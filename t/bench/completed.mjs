// usage: completed.mjs answer|events|socketio ARCH COUNT
// So many builds, one after the other; prints for each how long (ms) it took
// from before the POST until the client knew that it was completed.
import { request } from "node:http";
import { ask, json, key, pool, server } from "./client.mjs";

const [way, arch, count] = process.argv.slice(2);
const agent = pool(4);
const body = { os: "linux", architecture: arch, customName: "bench" };
const waiting = new Map();		// a job's id, or who waits for it
const heard = (id) => {
	waiting.get(id)?.();
	waiting.set(id, true);
};
const completed = (id) => waiting.get(id) === true ? Promise.resolve() :
    new Promise((done) => waiting.set(id, done));

// Calls heard() for what comes; resolves when it listens.
const listen = {
	answer: async () => {},
	events: () => new Promise((ready, failed) => {
		const r = request({ host: server.hostname, port: server.port,
		    path: "/api/events", headers: {
			Authorization: `Bearer ${key}`,
			Accept: "text/event-stream" } }, (stream) => {
			let text = "";

			if (stream.statusCode !== 200)
				failed(new Error(`${stream.statusCode}`));
			stream.setEncoding("utf8");
			stream.on("data", (part) => {
				const blocks = (text + part).split("\n\n");

				text = blocks.pop();
				for (const b of blocks)
					if (/^event: buildJobCompleted$/m
					    .test(b))
						heard(JSON.parse(/^data: (.*)$/m
						    .exec(b)[1]).job.id);
			});
			ready();
		});
		r.on("error", failed);
		r.end();
	}),
	socketio: async () => {
		const path = "/socket.io/?EIO=4&transport=polling";
		const open = await ask(agent, "GET", path);
		const { sid } = JSON.parse(open.body.slice(1));
		const own = `${path}&sid=${sid}`;
		const send = (text) => ask(agent, "POST", own, text,
		    { "Content-Type": "text/plain" });

		await send("40" + JSON.stringify({ token: key }));
		const joined = await ask(agent, "GET", own);
		if (!joined.body.startsWith("40"))
			throw new Error(joined.body);
		(async () => {
			for (;;) {
				const a = await ask(agent, "GET", own);

				for (const p of a.body.split("\x1e")) {
					if (p === "2")
						send("3");
					if (!p.startsWith("42"))
						continue;
					const [name, job] =
					    JSON.parse(p.slice(2));
					if (name === "buildJobCompleted")
						heard(job.id);
				}
			}
		})();
	}
};

await listen[way]();
for (let i = 0; i < count; i++) {
	const began = performance.now();

	if (way === "answer")
		await json(agent, "POST", "/api/agents/build",
		    { ...body, useQueue: false });
	else
		await completed((await json(agent, "POST",
		    "/api/agents/build", body)).jobId);
	console.log((performance.now() - began).toFixed(1));
}
process.exit(0);
