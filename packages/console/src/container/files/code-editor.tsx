import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState } from '@codemirror/state';
import { keymap } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { basicSetup, EditorView } from 'codemirror';
import { useEffect, useRef } from 'react';
import { loadScript } from '../../ui/load-script.ts';
import styles from './files.module.css';
import { languageOf } from './languages.ts';

const COLOURS = syntaxHighlighting(
  HighlightStyle.define([
    { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: 'var(--violet)' },
    { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--green)' },
    { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--amber)' },
    { tag: [tags.comment, tags.meta], color: 'var(--text-3)', fontStyle: 'italic' },
    { tag: [tags.typeName, tags.className, tags.tagName, tags.heading], color: 'var(--accent)' },
    { tag: [tags.propertyName, tags.attributeName], color: 'var(--red)' },
    { tag: tags.heading, fontWeight: '600' },
    { tag: tags.link, textDecoration: 'underline' },
  ]),
);

const LOOK = EditorView.theme({
  '&': { height: '100%', backgroundColor: 'var(--surface)', color: 'var(--text)', fontSize: '12.5px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--text-3)', border: '0' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--hover)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'light-dark(#bcd3f8, #2b4a7a)',
  },
  '.cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--text)' },
  '.cm-searchMatch': { backgroundColor: 'var(--amber-soft)', outline: '1px solid var(--amber)' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', border: '1px solid var(--border)' },
});

interface CodeEditorProps {
  name: string;
  text: string;
  onChange: (text: string) => void;
  onSave: () => void;
}

/** @param text as it is at first; later texts come from the person alone */
export default function CodeEditor({ name, text, onChange, onSave }: CodeEditorProps) {
  const box = useRef<HTMLDivElement>(null);
  const initial = useRef(text);
  const handlers = useRef({ onChange, onSave });
  handlers.current = { onChange, onSave };

  useEffect(() => {
    const language = new Compartment();
    const save = { key: 'Mod-s', preventDefault: true, run: () => (handlers.current.onSave(), true) };
    const view = new EditorView({
      parent: box.current!,
      state: EditorState.create({
        doc: initial.current,
        extensions: [
          keymap.of([save]),
          basicSetup,
          language.of([]),
          LOOK,
          COLOURS,
          EditorView.contentAttributes.of({ 'aria-label': `Text of ${name}` }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            if (docChanged) handlers.current.onChange(state.doc.toString());
          }),
        ],
      }),
    });
    const load = languageOf(name);
    if (load !== null)
      void loadScript(load).then(
        (loaded) => view.dispatch({ effects: language.reconfigure(loaded) }),
        () => undefined, // It stays a plain text.
      );
    return () => view.destroy();
  }, [name]);

  return <div ref={box} className={styles.editor} />;
}
