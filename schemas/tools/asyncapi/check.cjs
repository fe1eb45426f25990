// Parses AsyncAPI documents as the official tools do: one line for each error or warning, and fails if there is one.
"use strict";

const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

const ERROR = 0;
const WARNING = 1;

async function check(path) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
  const found = diagnostics.filter(({ severity }) => severity === ERROR || severity === WARNING);
  for (const { severity, code, path: where, message } of found) {
    console.error(`${path}: ${severity === ERROR ? "error" : "warning"} ${code} at ${where.join("/")}: ${message}`);
  }
  if (document === undefined || found.length > 0) {
    process.exitCode = 1;
    return;
  }
  const operations = document.operations();
  const counts = [
    `${document.channels().length} channels`,
    `${operations.filterBySend().length} send`,
    `${operations.filterByReceive().length} receive`,
    `${document.allMessages().length} messages`,
  ];
  console.log(counts.join(", "));
}

async function main(paths) {
  for (const path of paths) {
    await check(path);
  }
}

main(process.argv.slice(2));
