// Package criteria decides which clients a task is for.
//
// A selection criterion is a boolean expression in the syntax of Python over what a
// client says of itself, such as
//
//	(data_qnt > 50) and ("camera" in sensors)
//
// and operators of a federation wrote theirs for Python's eval, so the meaning is
// Python's too: truth of any value, chained comparisons, integers and floats that
// mix, a TypeError where Python has one. What is left out is what a criterion has
// no use for and an attacker has: attributes, imports, lambdas, assignments,
// integers without bound, loops without bound. Compile refuses those by name.
// An expression reads the attributes that it is given and nothing else; its size,
// its depth, its steps and the sizes of its results are bounded.
//
// Two things differ from Python on purpose. Integers have 64 bits, and beyond that
// is an ErrLimit. A function's name is part of the syntax: an attribute called
// "len" does not hide len().
//
// An Expr that says no can say why: see Explain.
package criteria
