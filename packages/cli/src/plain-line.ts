/** A line for the terminal with text from outside: what could move its cursor, or turn text around, becomes `?`. */
export function plainLine(line: string): string {
  return line.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "?");
}
