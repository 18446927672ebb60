/** A kind of notice in a line: the server's words, without the places that each notice fills in. */
export function inWords({ words, cause }: { words: string; cause: string }): string {
  const plain = words.replace(/\{\w*\}/g, "…");
  return /\p{Letter}/u.test(plain) ? plain : cause;
}
