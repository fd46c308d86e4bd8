import { lexer, type Token, type Tokens } from 'marked';
import type { ReactNode } from 'react';

/** Renders Markdown as elements, so that nothing in it can become markup of the page. */
export function Markdown({ text }: { text: string }) {
  return <>{blocks(lexer(text))}</>;
}

function blocks(tokens: readonly Token[]): ReactNode[] {
  return tokens.map((token, index) => <Block key={index} token={token} />);
}

function Block({ token }: { token: Token }): ReactNode {
  switch (token.type) {
    case 'space':
      return null;
    case 'heading':
      return <h3>{inline(token.tokens)}</h3>;
    case 'code':
      return (
        <pre tabIndex={0}>
          <code>{token.text}</code>
        </pre>
      );
    case 'blockquote':
      return <blockquote>{blocks(token.tokens ?? [])}</blockquote>;
    case 'list': {
      const items = (token as Tokens.List).items.map((item, index) => <li key={index}>{blocks(item.tokens)}</li>);
      return token.ordered === true ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case 'hr':
      return <hr />;
    case 'paragraph':
      return <p>{inline(token.tokens)}</p>;
    case 'text':
      return 'tokens' in token && token.tokens !== undefined ? inline(token.tokens) : token.raw;
    default:
      return <pre>{token.raw}</pre>;
  }
}

function inline(tokens: readonly Token[] = []): ReactNode[] {
  return tokens.map((token, index) => <Inline key={index} token={token} />);
}

function Inline({ token }: { token: Token }): ReactNode {
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens)}</strong>;
    case 'em':
      return <em>{inline(token.tokens)}</em>;
    case 'codespan':
      return <code>{token.text}</code>;
    case 'br':
      return <br />;
    case 'link':
      return /^https?:/.test(String(token.href)) ? (
        <a href={String(token.href)} target="_blank" rel="noreferrer noopener">
          {inline(token.tokens)}
        </a>
      ) : (
        token.raw
      );
    case 'text':
      return 'text' in token ? String(token.text) : token.raw;
    case 'escape':
      return token.text;
    default:
      return token.raw;
  }
}
