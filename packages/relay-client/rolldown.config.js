/** One file for all, and little more for HTTP: in a cold function each file that is looked for, read and linked costs its while. */
import { defineConfig } from "rolldown";

export default defineConfig({
  input: { index: "src/index.ts", http: "src/http/index.ts", bare: "src/bare.ts" },
  platform: "node",
  output: { dir: "dist/bundle", format: "esm", sourcemap: true, chunkFileNames: "[name].js" },
});
