// Numbers as text, and the evaluation of the expressions of the probes.

function show(x, digits = 4) {
  if (x === null || x === undefined) return "not finite";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size >= 1e-3 && size < 1e6 ? String(Number(x.toPrecision(digits))) : x.toExponential(digits - 2).replace("e+", "e");
  return text.replaceAll("-", "−");
}

// The number itself, if there is only one: unlike a norm it has a sign.
const only = (summary) => (summary?.exact?.length === 1 ? summary.exact[0] : null);
const showSize = (summary, digits = 4) => show(only(summary) ?? summary?.l2, digits);

const showShare = (x) => `${show(100 * x, 3)} %`;

const FUNCTIONS = {
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
  abs: Math.abs,
  sigmoid: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  max: Math.max,
  min: Math.min,
};

// The value of an expression. Grammar, loosest first:
//   sum = product (("+" | "-") product)*      product = factor (("*" | "/") factor)*
//   factor = "-" factor | part ("^" part)?           part = number | "(" sum ")" | name "(" sum ("," sum)* ")"
function evaluate(text) {
  const tokens = text.match(/\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|[a-z]+|[-+*/^(),]|\S/g) ?? [];
  let at = 0;
  const expect = (token) => {
    if (tokens[at++] !== token) throw new SyntaxError(`expected ${token} at token ${at} of ${text}`);
  };
  const sum = () => {
    let left = product();
    while (tokens[at] === "+" || tokens[at] === "-") left = tokens[at++] === "+" ? left + product() : left - product();
    return left;
  };
  const product = () => {
    let left = factor();
    while (tokens[at] === "*" || tokens[at] === "/") left = tokens[at++] === "*" ? left * factor() : left / factor();
    return left;
  };
  const factor = () => {
    if (tokens[at] === "-") return at++, -factor();
    const base = part();
    return tokens[at] === "^" ? (at++, base ** part()) : base;
  };
  const part = () => {
    const token = tokens[at++];
    if (token === "(") {
      const inner = sum();
      expect(")");
      return inner;
    }
    if (Object.hasOwn(FUNCTIONS, token)) {
      expect("(");
      const inputs = [sum()];
      while (tokens[at] === ",") {
        at++;
        inputs.push(sum());
      }
      expect(")");
      return FUNCTIONS[token](...inputs);
    }
    const number = Number(token);
    if (token === undefined || Number.isNaN(number)) throw new SyntaxError(`not a number: ${token} in ${text}`);
    return number;
  };
  const result = sum();
  if (at !== tokens.length) throw new SyntaxError(`left over: ${tokens.slice(at).join(" ")} in ${text}`);
  return result;
}

// Whether two numbers agree, and how closely: relative to the larger one.
function agreement(a, b) {
  const size = Math.max(Math.abs(a), Math.abs(b));
  return size < 1e-30 ? 0 : Math.abs(a - b) / size;
}

const AGREES = 1e-5;
