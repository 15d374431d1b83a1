/** A word of a command line, as a POSIX shell takes it. */
export const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** What enrols a machine's client at a gateway; it asks for the token, which is no argument since every process can read those. */
export function joinCommand(gateway: string, client: string): string {
  const set = [`server.gateway.url=${gateway}`, ...(client === "" ? [] : [`client.info.user_id=${client}`])];
  return `agata client join ${set.map((s) => `--set ${shellWord(s)}`).join(" ")}`;
}
