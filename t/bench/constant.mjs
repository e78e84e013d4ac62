// The peer of bench.d/api: answers everything with one file's bytes.
// usage: constant.mjs FILE; prints its port.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const body = readFileSync(process.argv[2]);
const head = { "Content-Type": "application/json",
    "Content-Length": body.length };
const server = createServer((request, response) => {
	response.writeHead(200, head);
	response.end(body);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
