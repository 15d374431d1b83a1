/**
 * The id in an address such as /clients/a%2Fb. The router's own parameters keep
 * the escapes of reserved characters, and an id may have any character.
 */
export function idIn(pathname: string): string {
  const segment = pathname.split("/")[2] ?? "";
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment; // a % that escapes nothing
  }
}
