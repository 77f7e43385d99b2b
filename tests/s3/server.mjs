// server.mjs - a private bucket: s3rver on a free port of 127.0.0.1, behind a door that lets nobody in who has not signed
// (s3rver itself judges signatures, but serves who has none), and that keeps what it was asked.
//
//   node server.mjs FOLDER BUCKET [CERTIFICATE KEY]     https with these two PEM files
//
// Prints its port as one line of JSON; /_seen answers what it was asked, as JSON.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createRequire } from "node:module";

const S3rver = createRequire(import.meta.url)("@20minutes/s3rver");
const [folder, bucket, cert, key] = process.argv.slice(2);
const s3 = new S3rver({ directory: folder, silent: true, vhostBuckets: false, configureBuckets: [{ name: bucket }] });
await s3.configureBuckets();
const bucketAnswers = s3.callback();
const seen = [];

const door = (request, response) => {
  if (request.url === "/_seen") {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(seen));
    return;
  }
  seen.push({ method: request.method, url: request.url, headers: request.headers });
  if (request.headers.authorization === undefined && !request.url.includes("X-Amz-Signature=")) {
    response.writeHead(403, { "Content-Type": "application/xml", "x-amz-request-id": "door" });
    response.end(request.method === "HEAD" ? undefined : "<Error><Code>AccessDenied</Code></Error>");
    return;
  }
  response.setHeader("x-amz-request-id", "0123456789ABCDEF"); // as S3 does, and s3rver does not
  bucketAnswers(request, response);
};
const server = cert
  ? createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, door)
  : createServer(door);
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
