// Reads the Mermaid diagrams of standard input, a JSON list of texts, as what draws them does; ends with 1 at one that it cannot.
import { text } from "node:stream/consumers";
import DOMPurify from "dompurify";
import mermaid from "mermaid";

// Without a browser nothing is drawn, so there is no HTML to clean.
Object.assign(DOMPurify, { addHook() {}, sanitize: (html) => html });

for (const diagram of JSON.parse(await text(process.stdin))) {
  await mermaid.parse(diagram);
}
