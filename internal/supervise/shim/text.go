package shim

// The few text functions that a shim needs. Packages strings, strconv and bytes
// would cost it a millisecond: "strings" sorts behind most of what a big binary
// links, so all of that would be initialised first.

// parseInt reads a decimal number that fills s.
func parseInt(s string) (n int64, ok bool) {
	negative := len(s) > 1 && s[0] == '-'
	if negative {
		s = s[1:]
	}
	if s == "" || len(s) > 19 {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if n < 0 { // 19 digits may overflow
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

func appendInt(buf []byte, n int64) []byte {
	if n < 0 {
		buf = append(buf, '-')
	} else {
		n = -n // the negative range holds every number
	}
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' - n%10)
		if n /= 10; n == 0 {
			return append(buf, digits[i:]...)
		}
	}
}

func itoa(n int) string { return string(appendInt(nil, int64(n))) }

// cut splits s around the first sep.
func cut(s string, sep byte) (before, after string, found bool) {
	for i := range len(s) {
		if s[i] == sep {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// word takes the next word of a line whose words are parted by single spaces.
func word(line *string) string {
	before, after, _ := cut(*line, ' ')
	*line = after
	return before
}
