import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-content: center; min-height: 90vh; margin: 0 auto; max-width: 36rem; padding: 0 1rem; text-align: center; }
p { margin: .5rem 0; opacity: .8; }
a.action, button { font: inherit; display: inline-block; margin-top: 1rem; padding: .5rem 1.5rem; border: 0; border-radius: .4rem; background: #0969da; color: #fff; text-decoration: none; cursor: pointer; }
input { font: inherit; padding: .5rem; width: 20rem; max-width: 80vw; box-sizing: border-box; }
label { display: inline-block; text-align: left; }
label input { display: block; margin-top: .25rem; }
button.quiet { background: none; color: inherit; box-shadow: inset 0 0 0 1px; }
form + form, .action + form { margin-top: 1.5rem; padding-top: .5rem; border-top: 1px solid #8886; }
[hidden] { display: none; }
`;

const STYLE_SOURCE = sourceOf(STYLE);

export interface Page {
  title: string;
  /** HTML. */
  body: string;
  /** HTML, in the head. */
  head?: string;
  script?: string;
  /** Sources that the script may connect to; none by default. */
  connect?: string;
  /** Who may show the page in a frame; everybody by default. */
  frameAncestors?: string;
}

/** A page of DevForge's own, and the headers that keep it to what it contains. */
export function renderPage({ title, body, head = '', script, connect = "'none'", frameAncestors }: Page): {
  html: string;
  headers: Record<string, string>;
} {
  const scriptSource = script === undefined ? "'none'" : sourceOf(script);
  return {
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
${head}<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
${script === undefined ? '' : `<script>${script}</script>\n`}</body>
</html>
`,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      // A form's request needs its origin, which `no-referrer` would withhold.
      'Referrer-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      'Content-Security-Policy': `default-src 'none'; style-src ${STYLE_SOURCE}; script-src ${scriptSource}; connect-src ${connect}; form-action 'self'; base-uri 'none'${frameAncestors === undefined ? '' : `; frame-ancestors ${frameAncestors}`}`,
    },
  };
}

/** Allows exactly this content inline. */
function sourceOf(content: string): string {
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
