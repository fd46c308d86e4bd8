import type { ITheme } from '@xterm/xterm';

export const LIGHT: ITheme = {
  background: '#ffffff',
  foreground: '#1b2129',
  cursor: '#1f5fc9',
  selectionBackground: '#bcd3f8',
  black: '#1b2129',
  red: '#b3261e',
  green: '#17703a',
  yellow: '#875400',
  blue: '#1f5fc9',
  magenta: '#6b3fb8',
  cyan: '#0b6b78',
  white: '#6b7686',
  brightBlack: '#505b69',
  brightWhite: '#2a313b',
};

export const DARK: ITheme = {
  background: '#0b0e12',
  foreground: '#e4e8ee',
  cursor: '#79a8f5',
  selectionBackground: '#2b4a7a',
  black: '#3a434f',
  red: '#f48a83',
  green: '#58c983',
  yellow: '#e2b04f',
  blue: '#79a8f5',
  magenta: '#b79bf2',
  cyan: '#62c6d4',
  white: '#c9d1db',
  brightBlack: '#8d98a7',
  brightWhite: '#ffffff',
};
