import type { ButtonHTMLAttributes } from 'react';
import { classes } from './classes.ts';
import styles from './button.module.css';

export interface ButtonStyle {
  look?: 'plain' | 'primary' | 'danger' | 'quiet';
  isIcon?: boolean;
  isLarge?: boolean;
}

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & ButtonStyle;

/** Also for links and triggers that look like a button. */
export function buttonClass({ look = 'plain', isIcon = false, isLarge = false }: ButtonStyle = {}): string {
  return classes(styles.button, look !== 'plain' && styles[look], isIcon && styles.icon, isLarge && styles.large);
}

export function Button({ look, isIcon, isLarge, className, type = 'button', ...rest }: ButtonProps) {
  return <button type={type} className={classes(buttonClass({ look, isIcon, isLarge }), className)} {...rest} />;
}
