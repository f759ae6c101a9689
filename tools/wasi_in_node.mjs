// Runs a program for wasm32-wasip1 in node, with the arguments that follow: cargo's runner in wasm_in_node.sh.
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const [file, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [file, ...args], env: process.env, preopens: { "/": "/" } });
const imports = wasi.getImportObject();
// Called directly, without a function of JavaScript in between, they abort node 20 once the memory has grown.
for (const [name, call] of Object.entries(imports.wasi_snapshot_preview1)) {
    imports.wasi_snapshot_preview1[name] = (...values) => call(...values);
}
const module = new WebAssembly.Module(readFileSync(file));
process.exitCode = wasi.start(new WebAssembly.Instance(module, imports));
