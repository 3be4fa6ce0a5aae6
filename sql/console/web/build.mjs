// Bundles the page into dist/, which the wheel carries. `node build.mjs --watch` builds at each change.
import { copyFile, mkdir, rm } from "node:fs/promises";
import * as esbuild from "esbuild";

const options = {
  entryPoints: ["src/main.tsx"],
  outdir: "dist/assets",
  bundle: true,
  format: "esm",
  splitting: true,
  chunkNames: "[name]-[hash]",
  minify: true,
  sourcemap: false,
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
};

await rm("dist/assets", { recursive: true, force: true }); // chunks of builds before
await mkdir("dist/assets", { recursive: true });
await copyFile("src/index.html", "dist/index.html");
if (process.argv.includes("--watch")) await (await esbuild.context(options)).watch();
else await esbuild.build(options);
