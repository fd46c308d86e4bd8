import type { Extension } from '@codemirror/state';

type Load = () => Promise<Extension>;

const javascript =
  (options: { typescript?: boolean; jsx?: boolean } = {}): Load =>
  async () =>
    (await import('@codemirror/lang-javascript')).javascript(options);
const shell: Load = async () => {
  const [{ StreamLanguage }, { shell: mode }] = await Promise.all([
    import('@codemirror/language'),
    import('@codemirror/legacy-modes/mode/shell'),
  ]);
  return StreamLanguage.define(mode);
};
const toml: Load = async () => {
  const [{ StreamLanguage }, { toml: mode }] = await Promise.all([
    import('@codemirror/language'),
    import('@codemirror/legacy-modes/mode/toml'),
  ]);
  return StreamLanguage.define(mode);
};
const dockerfile: Load = async () => {
  const [{ StreamLanguage }, { dockerFile: mode }] = await Promise.all([
    import('@codemirror/language'),
    import('@codemirror/legacy-modes/mode/dockerfile'),
  ]);
  return StreamLanguage.define(mode);
};
const css: Load = async () => (await import('@codemirror/lang-css')).css();
const html: Load = async () => (await import('@codemirror/lang-html')).html();
const json: Load = async () => (await import('@codemirror/lang-json')).json();
const yaml: Load = async () => (await import('@codemirror/lang-yaml')).yaml();

const BY_EXTENSION: Record<string, Load> = {
  js: javascript({ jsx: true }),
  mjs: javascript(),
  cjs: javascript(),
  jsx: javascript({ jsx: true }),
  ts: javascript({ typescript: true }),
  mts: javascript({ typescript: true }),
  cts: javascript({ typescript: true }),
  tsx: javascript({ typescript: true, jsx: true }),
  json,
  jsonc: json,
  css,
  scss: css,
  html,
  vue: html,
  svg: html,
  md: async () => (await import('@codemirror/lang-markdown')).markdown(),
  py: async () => (await import('@codemirror/lang-python')).python(),
  go: async () => (await import('@codemirror/lang-go')).go(),
  rs: async () => (await import('@codemirror/lang-rust')).rust(),
  yaml,
  yml: yaml,
  toml,
  sh: shell,
  bash: shell,
  env: shell,
};
const BY_NAME: Record<string, Load> = { Dockerfile: dockerfile, '.bashrc': shell, '.profile': shell };

/** The language of a file, by its name; null for a plain text. */
export function languageOf(name: string): Load | null {
  return BY_NAME[name] ?? BY_EXTENSION[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? null;
}
