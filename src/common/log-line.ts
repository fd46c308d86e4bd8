const CONTROL_CHARACTERS = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
/** An escape in JSON: two backslashes, or a control character that a terminal would obey. */
const ESCAPED_CONTROL = /\\(\\|u00(?:0[0-8b-f]|1[0-9a-f]|7f|[89][0-9a-f])|u202[89a-e]|u206[6-9]|b|f|r)/gi;

/** Escapes what JSON allows as it is, but a terminal may obey: C1 control characters and changes of direction. */
export function escapeControls(line: string): string {
  return line.replace(CONTROL_CHARACTERS, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** As {@link escapeControls}, for a reader that decodes the JSON and prints its texts: they show the escapes. */
export function showControls(line: string): string {
  return escapeControls(line).replace(ESCAPED_CONTROL, (each) => (each === '\\\\' ? each : `\\${each}`));
}
