// Package bench measures what AGATA promises about speed.
//
// A [Bench] makes a [Result]: groups of variants that are measured in turns, one
// round of each and then the next round, so that whatever else the machine does
// meets all of them alike; each round's figure is kept. Beside a figure stands what
// it is compared with, the bare library's loop or the peer's, in the same group, and
// the goals that it is to reach. A [Report] is results with the machine that they
// were made on; [Markdown] writes them for docs/benchmarks.md, whose tables are
// typed by nobody.
//
// What is measured is real: processes of the built command, brokers, sockets and
// files. `agata bench NAME` runs it.
package bench
