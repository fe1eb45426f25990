// Writes what the pages need into the package: one style sheet, and the Design System's scripts.
//
//   npm ci && npm run build
//
// The result is committed; nothing is fetched when the portal runs.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as sass from "sass";

const here = dirname(fileURLToPath(import.meta.url));
const design = join(here, "node_modules", "govuk-frontend");
const target = join(here, "..", "src", "portal", "data", "static");

mkdirSync(target, { recursive: true });

const { css } = sass.compile(join(here, "style", "portal.scss"), {
  style: "compressed",
  loadPaths: [join(design, "dist"), join(here, "style")],
  quietDeps: true,
});
writeFileSync(join(target, "portal.css"), css + "\n");

// A map of the source is of no use without the source.
const script = readFileSync(join(design, "dist", "govuk", "govuk-frontend.min.js"), "utf8");
writeFileSync(join(target, "govuk-frontend.js"), script.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n"));

// Without the addresses that a lock remembers: whoever builds has their own registry.
const lock = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8"));
for (const each of Object.values(lock.packages)) delete each.resolved;
writeFileSync(join(here, "package-lock.json"), JSON.stringify(lock, null, 2) + "\n");
