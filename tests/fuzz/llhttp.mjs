// llhttp.mjs BUILD_DIR - replays what the HTTP/1 fuzz targets have kept, and their seeds, through Node's own parser
// (llhttp): what we take, it takes, with the same method, target, status, fields, body and end. (fuzz_http_differ asks
// picohttpparser and http_parser the same.) The other way round nothing is asked. Result lines as tests/run.sh has them.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

process.noDeprecation = true;
const { HTTPParser, allMethods, methods } = process.binding("http_parser");
const names = allMethods ?? methods;
const build = process.argv[2];
const judge = join(build, "tests", "judge_http");
const BODY_MAX = 1 << 16;

// Where llhttp is stricter than we are, each with its reason. In a chunked body: it looks into extensions, of which we only
// want to know where they end, and it reads trailers as more of the header, where a framing field is one too many; we
// drop both.
const STRICTER = {
    HPE_INVALID_METHOD: "a method that it has no number for",
    HPE_INVALID_VERSION: "a minor version above 1, which is read as the highest one known (RFC 9110 section 2.5)",
    HPE_INVALID_URL: "bytes that browsers send and RFC 3986 has not, or a form of target that it walks more closely",
    HPE_STRICT: "a chunk extension that is no name and value",
    HPE_INVALID_CONTENT_LENGTH: "a length in a trailer",
    HPE_INVALID_TRANSFER_ENCODING: "a coding in a trailer",
};
const IN_HEAD = ["HPE_INVALID_METHOD", "HPE_INVALID_URL"];
const LATER = /^\s*[^\n]*HTTP\/1\.[2-9]/;

// Feeds one message in pieces; says what it heard.
function read(type, pieces) {
    const heard = { fields: [], body: [], done: false, head: false };
    const parser = new HTTPParser();
    parser.initialize(type, {}, 1 << 20);
    parser[HTTPParser.kOnHeaders] = (fields, url) => {
        // More than it holds at once come in portions; behind the head they are trailers.
        if (!heard.head) heard.fields.push(...fields);
        heard.url = (heard.url ?? "") + url;
    };
    parser[HTTPParser.kOnHeadersComplete] = (major, minor, fields, method, url, status, _text, upgrade, keep) => {
        Object.assign(heard, { head: true, major, minor, upgrade, keep, status });
        heard.method = method === undefined ? undefined : names[method];
        heard.fields.push(...(fields ?? []));
        heard.url = (heard.url ?? "") + (url ?? "");
        return 0;
    };
    parser[HTTPParser.kOnBody] = (data) => heard.body.push(Buffer.from(data));
    parser[HTTPParser.kOnMessageComplete] = () => { heard.done = true; };
    heard.used = 0;
    for (const piece of pieces) {
        if (heard.done) heard.early = true;     // it was over before all of it was fed
        const got = parser.execute(piece);
        if (got instanceof Error) {
            heard.error = got;
            return heard;
        }
        heard.used += got;
    }
    const finished = heard.done ? undefined : parser.finish();
    heard.atClose = heard.done && !(finished instanceof Error);
    return heard;
}

const latin = (hex) => Buffer.from(hex, "hex").toString("latin1");

function fault(ok, what) {
    if (!ok) throw new Error(what);
}

// The same body for both: so that where the message ends is seen, not what is said of it.
function bodyOf(ours) {
    if (ours.framing === "chunked") return [Buffer.from("3\r\nabc\r\n0\r\n\r"), Buffer.from("\n")];
    if (ours.framing === "length" && ours.length > 0 && ours.length <= BODY_MAX)
        return [Buffer.alloc(ours.length - 1, "x"), Buffer.from("x")];
    return [];
}

// An empty piece before the last one would only be refused.
const filled = (pieces) => pieces.filter((piece) => piece.length > 0);

function compareHead(type, bytes, ours) {
    const heard = read(type, filled([bytes.subarray(0, ours.used), ...bodyOf(ours)]));
    if (heard.error) {
        const { code } = heard.error;
        if (IN_HEAD.includes(code) || (code === "HPE_INVALID_VERSION" && LATER.test(bytes.toString("latin1")))) return code;
        throw new Error(`refused: ${heard.error.code} ${heard.error.reason}`);
    }
    fault(heard.head, "no head");
    fault(heard.major === 1 && (heard.minor > 0) === (ours.minor > 0), "version");
    if (type === HTTPParser.REQUEST) {
        fault(heard.method === latin(ours.method), `method ${heard.method}`);
        fault(heard.url === latin(ours.target), `target ${heard.url}`);
    } else {
        fault(heard.status === ours.status, `status ${heard.status}`);
    }
    fault(!ours.keep || heard.keep, "it would close");
    const fields = ours.fields.map(latin);
    fault(fields.length === heard.fields.length, `${heard.fields.length / 2} fields`);
    fields.forEach((text, i) => fault(heard.fields[i].replace(/^[ \t]+|[ \t]+$/g, "") === text, `field ${heard.fields[i]}`));
    fault(!heard.early, "the body ends early");
    const length = heard.body.reduce((sum, piece) => sum + piece.length, 0);
    switch (ours.framing) {
    case "none": fault(heard.done && length === 0, "a body"); break;
    case "length": fault(ours.length > BODY_MAX ? !heard.done : heard.done && length === ours.length, `length ${length}`); break;
    case "chunked": fault(heard.done && Buffer.concat(heard.body).equals(Buffer.from("abc")), "chunks"); break;
    case "until-close": fault(length === 0, "a body of its own"); break;
    }
    return null;
}

function compareChunked(bytes, ours) {
    const head = Buffer.from("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    const used = bytes.subarray(0, ours.used);
    const heard = read(HTTPParser.REQUEST, filled([head, used.subarray(0, -1), used.subarray(-1)]));
    if (heard.error) {
        const { code, reason } = heard.error;
        if (code in STRICTER && !IN_HEAD.includes(code) && (code !== "HPE_STRICT" || reason.includes("chunk extensions")))
            return code;
        throw new Error(`refused: ${code} ${reason}`);
    }
    fault(heard.done && !heard.early, "it ends elsewhere");
    fault(Buffer.concat(heard.body).equals(Buffer.from(ours.body, "hex")), "the data");
    return null;
}

const COMPARE = {
    request: (bytes, ours) => compareHead(HTTPParser.REQUEST, bytes, ours),
    response: (bytes, ours) => compareHead(HTTPParser.RESPONSE, bytes, ours),
    chunked: compareChunked,
};

function main() {
    const files = [];
    for (const folder of ["corpus", "seeds"])
        for (const target of ["fuzz_http_differ", "fuzz_http_request", "fuzz_http_response", "fuzz_chunked"]) {
            const path = join(build, folder, target);
            if (existsSync(path)) files.push(...readdirSync(path).map((name) => join(path, name)));
        }
    if (!existsSync(judge) || files.length === 0) {
        console.log(`skip fuzz-llhttp: nothing is kept in ${build}, or ${judge} is not built`);
        return 0;
    }
    const lines = execFileSync(judge, { input: files.join("\n") + "\n", maxBuffer: 1 << 30 }).toString().trim().split("\n");
    const taken = { request: 0, response: 0, chunked: 0 }, stricter = {};
    let bad = 0;
    lines.forEach((line, i) => {
        const ours = JSON.parse(line), bytes = readFileSync(files[i]);
        for (const kind of Object.keys(COMPARE)) {
            if (ours[kind] === null) continue;
            taken[kind]++;
            try {
                const code = COMPARE[kind](bytes, ours[kind]);
                if (code) stricter[code] = (stricter[code] ?? 0) + 1;
            } catch (error) {
                if (bad++ < 20) console.log(`${files[i]}: as ${kind}: ${error.message}`);
            }
        }
    });
    const told = Object.entries(taken).map(([kind, count]) => `${count} as ${kind}`).join(", ");
    console.log(`${bad ? "FAIL" : "ok"} fuzz-llhttp: of ${files.length} inputs we take ${told}; llhttp ${process.versions.llhttp} ` +
        (bad ? `reads ${bad} otherwise` : "reads them alike") +
        Object.entries(stricter).map(([code, count]) => `, refuses ${count} (${code}: ${STRICTER[code]})`).join(""));
    return bad ? 1 : 0;
}

process.exitCode = main();
