// Package attack attacks a cloud that asks for credentials, over real sockets: as a
// stranger, as somebody with too few rights, as an enrolled client, as somebody
// with the broker's account but without the cloud's key, and from within, as a
// task's program. It holds nothing but tests. Each says in its name what must not
// happen, and looks at what came of the attack and not at the answer alone.
// SECURITY.md names the test beside each promise.
package attack
