import { Injectable } from '@nestjs/common';
import { isId } from '../common/id-generator.js';
import { Settings } from '../config/settings.js';
import { parsePort } from './port.js';

const LONGEST_LABEL = 63;
const PATH_FORM = /^\/editor\/(?<id>[^/?#]+)(?<rest>\/[^?#]*)?(?<search>\?.*)?$/;
const PREVIEW_LABEL = /^(?<port>\d+)--(?<name>.+)$/;

/** A request for a container's site: by its host name, `<name>.<domain>` or `<port>--<name>.<domain>`, or below `/editor/<id>/`. */
export type SiteAddress =
  | { form: 'host'; container: string; port: number | null; path: string }
  | { form: 'path'; container: string; port: null; path: string; missingSlash: boolean };

/** Where the sites of containers are, and which of them a request means. */
@Injectable()
export class SiteAddresses {
  private readonly base: URL;

  constructor(private readonly settings: Settings) {
    this.base = new URL(settings.publicUrl);
  }

  /** Of VS Code, with a slash at the end. */
  editorUrl({ id, name }: { id: string; name: string }): string {
    // Such a name would read as the preview of another container's port, or as DevForge itself.
    const taken = PREVIEW_LABEL.test(name) || `${name}.${this.settings.editorDomain}` === this.base.hostname;
    return this.settings.editorDomain === null || taken ? `${this.settings.publicUrl}/editor/${id}/` : this.urlOf(name);
  }

  /** @returns null where there is no wildcard name, or the name is too long to put a port in front */
  previewUrl({ name }: { name: string }, port: number): string | null {
    const label = `${port}--${name}`;
    return this.settings.editorDomain === null || label.length > LONGEST_LABEL ? null : this.urlOf(label);
  }

  /** @returns null when the request is not for a site, `malformed` when it pretends to be */
  parse(host: string | undefined, url: string): SiteAddress | 'malformed' | null {
    const label = this.labelOf(host);
    if (label === null) return parsePath(url);
    if (!url.startsWith('/')) return 'malformed';
    const preview = PREVIEW_LABEL.exec(label)?.groups;
    if (preview === undefined) return { form: 'host', container: label, port: null, path: url };
    const port = parsePort(preview['port']!);
    return port === undefined ? 'malformed' : { form: 'host', container: preview['name']!, port, path: url };
  }

  private labelOf(host: string | undefined): string | null {
    const [name = ''] = (host ?? '').toLowerCase().split(':');
    const suffix = `.${this.settings.editorDomain}`;
    const label = this.settings.editorDomain !== null && name.endsWith(suffix) ? name.slice(0, -suffix.length) : '';
    return label === '' || name === this.base.hostname ? null : label;
  }

  private urlOf(label: string): string {
    const { protocol, port } = this.base;
    return `${protocol}//${label}.${this.settings.editorDomain}${port === '' ? '' : `:${port}`}/`;
  }
}

function parsePath(url: string): SiteAddress | 'malformed' | null {
  if (!url.startsWith('/editor/')) return null;
  const { id = '', rest, search = '' } = PATH_FORM.exec(url)?.groups ?? {};
  // What a server further on may take for a way up is refused instead of being interpreted twice.
  if (!isId(id) || /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(rest ?? '')) return 'malformed';
  return { form: 'path', container: id, port: null, path: (rest ?? '/') + search, missingSlash: rest === undefined };
}
