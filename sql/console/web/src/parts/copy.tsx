import { useState } from "preact/hooks";

/** Copies a text; says that it did. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [said, say] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      say("Select the text, and copy it by hand");
    }
    setTimeout(() => say(""), 2500);
  };
  return (
    <span class="copy">
      <button type="button" onClick={copy}>{label}</button>
      <span role="status" class="muted">{said}</span>
    </span>
  );
}

/** A statement, ready to paste. */
export function Sql({ text, summary = "SQL" }: { text: string; summary?: string }) {
  return (
    <details class="sql">
      <summary>{summary}</summary>
      <div class="sql-body">
        <Copy text={text} label="Copy SQL" />
        <pre tabIndex={0} aria-label="SQL statement">{text}</pre>
      </div>
    </details>
  );
}
