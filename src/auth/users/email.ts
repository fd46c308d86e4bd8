/** The form in which emails are stored and compared. */
export function normalisedEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}
