// Prints a web page that runs a program for wasm32-wasip1 and shows what it writes, then `exit` and its exit code: for the tests
// of wasm_in_node.sh. The program has no files, no arguments and no environment.
import { readFileSync } from "node:fs";

async function page(module) {
    const bytes = Uint8Array.from(atob(module), (letter) => letter.charCodeAt(0));
    const text = new TextDecoder();
    let memory;
    const view = () => new DataView(memory.buffer);
    const write = (to, ...words) => words.forEach((word, i) => view().setUint32(to + 4 * i, word, true));
    const calls = {
        args_sizes_get: (count, size) => (write(count, 1), write(size, 5), 0),
        args_get: (pointers, to) => (write(pointers, to), new Uint8Array(memory.buffer, to, 5).set([116, 101, 115, 116, 0]), 0),
        environ_sizes_get: (count, size) => (write(count, 0), write(size, 0), 0),
        environ_get: () => 0,
        clock_time_get: (_id, _precision, to) => (view().setBigUint64(to, BigInt(Math.round(performance.now() * 1e6)), true), 0),
        random_get: (to, length) => (crypto.getRandomValues(new Uint8Array(memory.buffer, to, length)), 0),
        fd_write: (_file, vectors, count, written) => {
            let total = 0;
            for (let i = 0; i < count; i++) {
                const [from, length] = [0, 4].map((at) => view().getUint32(vectors + 8 * i + at, true));
                document.body.append(text.decode(new Uint8Array(memory.buffer, from, length)));
                total += length;
            }
            return write(written, total), 0;
        },
        proc_exit: (code) => { throw code; },
    };
    const BADF = 8;
    const imports = new Proxy(calls, { get: (own, name) => own[name] ?? (() => BADF) });
    let code = 0;
    try {
        const { instance } = await WebAssembly.instantiate(bytes, { wasi_snapshot_preview1: imports });
        memory = instance.exports.memory;
        instance.exports._start();
    } catch (thrown) {
        code = thrown;
    }
    document.body.append(`\nexit ${code}\n`);
}

const module = readFileSync(process.argv[2]).toString("base64");
console.log(`<!doctype html><meta charset="utf-8"><body style="white-space: pre"><script>${page}\npage("${module}");</script>`);
