/** Finds relative links in Markdown files that lead to no file or to no heading. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const SKIPPED = new Set(['node_modules', 'dist', 'coverage']);

/** @param {string} root @returns {string[]} absolute paths of all Markdown files, hidden folders left out */
export function markdownFiles(root) {
  return readdirSync(root, { withFileTypes: true }).flatMap((entry) => {
    const path = join(root, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : markdownFiles(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** @param {string} markdown @returns {string[]} targets of its links and images, code left out */
export const linkTargets = (markdown) =>
  [...withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]);

/** @param {string} markdown @returns {Set<string>} what `#…` may name, as GitHub derives it from headings, and ids of `<a>` */
export function anchors(markdown) {
  const headings = [...withoutCode(markdown, 'fences').matchAll(/^#{1,6}\s+(.*)$/gm)].map((match) => slug(match[1]));
  const ids = [...markdown.matchAll(/<a id="([^"]+)">/g)].map((match) => match[1]);
  return new Set([...headings, ...ids]);
}

const slug = (heading) =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

function withoutCode(markdown, what = 'all') {
  const text = markdown.replace(/^( *)(`{3,})[\s\S]*?^\1\2/gm, '');
  return what === 'all' ? text.replace(/`[^`\n]*`/g, '') : text;
}

/** @param {string} root @returns {string[]} one line for each broken link: `file: target` */
export function brokenLinks(root) {
  return markdownFiles(root).flatMap((file) =>
    linkTargets(readFileSync(file, 'utf8'))
      .filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(file, target))
      .map((target) => `${relative(root, file)}: ${target}`),
  );
}

function leadsSomewhere(file, target) {
  const [path, anchor] = target.split('#');
  const destination = path ? resolve(dirname(file), decodeURIComponent(path)) : file;
  if (!existsSync(destination)) return false;
  return anchor === undefined || anchors(readFileSync(destination, 'utf8')).has(anchor);
}
